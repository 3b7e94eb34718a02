#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aralez {

/// An answer of `POST /jwt`.
struct TokenAnswer {
  std::uint16_t status = 500;
  std::string_view content_type;  ///< static text
  std::string body;
};

/// The token exchange of behaviour section 8.4, byte for byte, from what the request says. `exp`,
/// or `valid` as it was called once, is a number of minutes. An empty `master_key` is none.
/// `now`: seconds since 1970.
[[nodiscard]] TokenAnswer answer_token_request(std::string_view content_type, std::string_view body,
                                               std::string_view master_key, std::int64_t now);

/// A token of HS256 with the claims that the `jwt` filter asks for.
struct TokenClaims {
  std::string_view owner;
  std::int64_t expires = 0;             ///< seconds since 1970
  const std::string* random = nullptr;  ///< null: the claim is null
};
[[nodiscard]] std::string issue_token(const TokenClaims& claims, std::string_view master_key);

}  // namespace aralez
