#pragma once

#include <cstddef>
#include <cstdint>

namespace aralez {

/// Has the cache fetch `bytes` from `at` on, for reading and writing. Worth it where the address is
/// known some hundred instructions before the first touch; an address that is not mapped does no
/// harm (docs/adr/0011).
inline void prefetch(const void* at, std::size_t bytes) noexcept {
  const auto begin = reinterpret_cast<std::uintptr_t>(at);  // may be no object's
  for (std::size_t i = 0; i < bytes; i += 64)
    __builtin_prefetch(reinterpret_cast<const void*>(begin + i), 1);
}

/// As above, around `at`: what is known is a member in the middle.
inline void prefetch_around(const void* at, std::size_t before, std::size_t behind) noexcept {
  const auto middle = reinterpret_cast<std::uintptr_t>(at);
  prefetch(reinterpret_cast<const void*>(middle - before), before + behind);
}

}  // namespace aralez
