#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace aralez {

/// Bytes nobody can guess, for keys. Ends the process when the system has none to give.
[[nodiscard]] std::array<std::byte, 32> random_secret();

/// The same as a plain value: the key of a hash, a seed.
template <class T>
  requires(std::is_trivially_copyable_v<T> && sizeof(T) <= 32)
[[nodiscard]] T random_value() {
  const auto bytes = random_secret();
  T out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

}  // namespace aralez
