#pragma once

#include <cstddef>
#include <string_view>

namespace aralez {

/// Whether `given` is `secret`, in a time that depends on the length of `given` alone: what a
/// guess has in common with the secret cannot be measured (threats row 25).
[[nodiscard, gnu::noinline]] inline bool same_secret(std::string_view secret,
                                                     std::string_view given) noexcept {
  if (secret.empty()) return given.empty();
  volatile unsigned char differs = secret.size() == given.size() ? 0 : 1;
  std::size_t at = 0;
  for (const char c : given) {
    differs = static_cast<unsigned char>(differs | (c ^ secret[at]));
    at = at + 1 == secret.size() ? 0 : at + 1;
  }
  return differs == 0;
}

}  // namespace aralez
