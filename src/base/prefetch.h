#pragma once

#include <cstddef>

namespace aralez {

/// Has the cache fetch `bytes` from `at` on, for reading and writing. Worth it where the address is
/// known some hundred instructions before the first touch; an address that is not mapped does no
/// harm (docs/adr/0011).
inline void prefetch(const void* at, std::size_t bytes) noexcept {
  const auto* line = static_cast<const std::byte*>(at);
  for (std::size_t i = 0; i < bytes; i += 64) __builtin_prefetch(line + i, 1);
}

}  // namespace aralez
