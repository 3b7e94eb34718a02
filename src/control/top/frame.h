#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/top/figures.h"

namespace aralez::top {

struct Size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

/// A line and how much it matters.
struct Line {
  enum class Look : std::uint8_t { plain, title, bad };
  std::string text;
  Look look = Look::plain;
};

/// What is seen now; rates are since `before`, and 0 when there is none or it was another process.
/// Routes with the most requests come first. At most `size.rows` lines, each at most
/// `size.columns` characters, without control bytes. `where`: who was asked.
[[nodiscard]] std::vector<Line> draw(const Figures& now, const Figures* before,
                                     std::string_view where, Size size);

}  // namespace aralez::top
