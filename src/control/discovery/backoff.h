#pragma once

#include <algorithm>
#include <chrono>

namespace aralez {

/// How long to wait after `failures` in a row, at least one, before the next request.
[[nodiscard]] constexpr std::chrono::milliseconds backoff(unsigned failures) noexcept {
  constexpr std::chrono::milliseconds kFirst{500};
  constexpr std::chrono::milliseconds kMost{10'000};
  return std::min(kMost, kFirst * (1U << std::min(failures - 1, 5U)));
}

}  // namespace aralez
