#pragma once

#include <compare>
#include <cstdint>

namespace aralez {

/// Index into a table of one kind; ids of different kinds do not mix.
template <class Tag>
struct Id {
  std::uint32_t value = 0;
  friend auto operator<=>(const Id&, const Id&) = default;
};

}  // namespace aralez
