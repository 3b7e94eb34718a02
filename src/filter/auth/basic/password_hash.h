#pragma once

#include <string>
#include <string_view>

namespace aralez {

/// Passwords longer than this, or with a zero byte, fit no hash: the time of SHA-crypt grows with
/// their length, and crypt(3) stops reading at a zero.
inline constexpr std::size_t kMaxHashedPassword = 256;

/// What the text behind `user:` is. A hash of another kind is a mistake: taken as a password, the
/// hash itself would let in.
enum class PasswordKind : std::uint8_t {
  plain,
  hash,     ///< bcrypt ($2a$, $2b$, $2y$) or SHA-crypt ($5$, $6$)
  strange,  ///< a hash that is not known, or not whole
  slow      ///< a hash that takes too long to check
};
[[nodiscard]] PasswordKind password_kind(std::string_view text);

/// Whether `password` has this hash. Slow by intent: milliseconds to most of a second. Any thread.
/// Pre: password_kind(hash) is `hash`.
[[nodiscard]] bool fits_hash(const std::string& password, const std::string& hash);

}  // namespace aralez
