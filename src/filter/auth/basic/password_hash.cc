#include "filter/auth/basic/password_hash.h"

#include <crypt.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/ascii.h"
#include "base/constant_time.h"

namespace aralez {
namespace {

constexpr unsigned kMaxBcryptCost = 14;      ///< about a second
constexpr unsigned kMaxShaRounds = 500'000;  ///< about as long

bool is_crypt_text(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '/';
  });
}

bool number(std::string_view text, unsigned& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

/// `$2b$10$`, 22 characters of salt, 31 of hash.
PasswordKind bcrypt_kind(std::string_view text) {
  unsigned cost = 0;
  if (text.size() != 60 || text[6] != '$' || !number(text.substr(4, 2), cost) || cost < 4 ||
      !is_crypt_text(text.substr(7)))
    return PasswordKind::strange;
  return cost > kMaxBcryptCost ? PasswordKind::slow : PasswordKind::hash;
}

/// `$6$`, `rounds=N$` or not, salt of up to 16 characters, `$`, hash.
PasswordKind sha_kind(std::string_view text, std::size_t hash_size) {
  constexpr std::string_view kRounds = "rounds=";
  unsigned rounds = 5000;
  text.remove_prefix(3);
  if (text.starts_with(kRounds)) {
    const auto end = text.find('$');
    if (end == std::string_view::npos ||
        !number(text.substr(kRounds.size(), end - kRounds.size()), rounds) || rounds < 1000)
      return PasswordKind::strange;
    text.remove_prefix(end + 1);
  }
  const auto salt = text.find('$');
  if (salt == std::string_view::npos || salt > 16 || !is_crypt_text(text.substr(0, salt)) ||
      text.size() - salt - 1 != hash_size || !is_crypt_text(text.substr(salt + 1)))
    return PasswordKind::strange;
  return rounds > kMaxShaRounds ? PasswordKind::slow : PasswordKind::hash;
}

/// `$id$` or `{ID}`, as all hashes in files of passwords begin.
bool looks_like_hash(std::string_view text) {
  if (text.size() < 3 || (text[0] != '$' && text[0] != '{')) return false;
  const auto end = text.find(text[0] == '$' ? '$' : '}', 1);
  return end != std::string_view::npos && end > 1 && end < 16 &&
         std::all_of(
             text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(end),
             [](char c) { return is_token_char(c); });
}

}  // namespace

PasswordKind password_kind(std::string_view text) {
  for (const std::string_view id : {"$2a$", "$2b$", "$2y$"})
    if (text.starts_with(id)) return bcrypt_kind(text);
  if (text.starts_with("$5$")) return sha_kind(text, 43);
  if (text.starts_with("$6$")) return sha_kind(text, 86);
  return looks_like_hash(text) ? PasswordKind::strange : PasswordKind::plain;
}

bool fits_hash(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const char* const made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  const bool fits = made != nullptr && same_secret(hash, made);
  ::explicit_bzero(data.get(), sizeof *data);
  return fits;
}

}  // namespace aralez
