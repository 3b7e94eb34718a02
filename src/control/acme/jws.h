#pragma once

#include <string>
#include <string_view>

#include "tls/signing_key.h"

namespace aralez {

/// The public key as a JSON Web Key, in the form that its thumbprint is made of (RFC 7638).
[[nodiscard]] std::string jwk_of(const SigningKey& key);
[[nodiscard]] std::string thumbprint_of(const SigningKey& key);

/// Who signs a request, and what for (RFC 8555 section 6.2).
struct JwsHeader {
  std::string url;
  std::string nonce;
  std::string account;  ///< its URL; empty: there is none yet, and the key itself is sent
};
/// A request body of application/jose+json, signed with ES256. Empty: OpenSSL failed.
[[nodiscard]] std::string sign_jws(const SigningKey& key, const JwsHeader& header,
                                   std::string_view payload);

/// Proof that whoever has an account elsewhere wants `key` to be its key here (RFC 8555 section
/// 7.3.4): a JSON object, signed with HS256 by the secret `hmac_key`.
[[nodiscard]] std::string external_account_binding(const SigningKey& key, std::string_view kid,
                                                   std::string_view hmac_key, std::string_view url);

}  // namespace aralez
