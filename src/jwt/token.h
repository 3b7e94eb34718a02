#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jwt/key_set.h"

namespace aralez {

/// Why a token is refused.
enum class TokenFlaw : std::uint8_t {
  none,
  malformed,
  critical,   ///< it wants something understood that is not (RFC 7515 section 4.1.11)
  algorithm,  ///< it names another algorithm than the keys have
  unknown_key,
  signature,
  claims,
  expired,
  not_yet,
  issuer,
  audience
};
/// Static text, for logs and `error_description`: no quote, no backslash.
[[nodiscard]] std::string_view text_of(TokenFlaw flaw) noexcept;

/// A JSON Web Signature in compact form (RFC 7515) whose signature is good.
struct VerifiedJws {
  TokenFlaw flaw = TokenFlaw::none;
  std::string payload;  ///< when there is no flaw
};
inline constexpr std::size_t kMaxTokenBytes = 16 * 1024;
[[nodiscard]] VerifiedJws verify_jws(std::string_view token, const KeySet& keys);

struct TokenPolicy {
  /// `aralez`: what `POST /jwt` issues, with `master_key`, `owner` and a whole `exp`, `nbf`
  /// ignored (behaviour section 8.3). `standard`: RFC 7519 with `exp` required.
  enum class Claims : std::uint8_t { aralez, standard };

  Claims claims = Claims::aralez;
  std::string issuer;    ///< empty: any
  std::string audience;  ///< empty: only tokens without one
};

struct TokenCheck {
  TokenFlaw flaw = TokenFlaw::none;
  std::int64_t expires = 0;  ///< valid until before this second; when there is no flaw
};
/// Pure: no clock, no state. `now`: seconds since 1970.
[[nodiscard]] TokenCheck check_token(std::string_view token, const KeySet& keys,
                                     const TokenPolicy& policy, std::int64_t now);

}  // namespace aralez
