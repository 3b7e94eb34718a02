#include "control/acme/jws.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "tls/digest.h"

namespace aralez {
namespace {

using nlohmann::json;

/// The flattened form (RFC 7515 section 7.2.2).
std::string flattened(std::string_view header, std::string_view payload,
                      std::string_view signature) {
  return fmt::format(R"({{"protected":"{}","payload":"{}","signature":"{}"}})", header, payload,
                     encode_base64url(signature));
}

std::string dumped(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string jwk_of(const SigningKey& key) {
  const auto [x, y] = key.point();
  return fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})", encode_base64url(x),
                     encode_base64url(y));
}

std::string thumbprint_of(const SigningKey& key) {
  return encode_base64url(as_text(sha256({jwk_of(key)})));
}

std::string sign_jws(const SigningKey& key, const JwsHeader& header, std::string_view payload) {
  json object{{"alg", "ES256"}, {"nonce", header.nonce}, {"url", header.url}};
  if (header.account.empty())
    object["jwk"] = json::parse(jwk_of(key));
  else
    object["kid"] = header.account;
  const std::string head = encode_base64url(dumped(object));
  const std::string body = encode_base64url(payload);
  const std::string signature = key.sign(head + "." + body);
  return signature.empty() ? std::string() : flattened(head, body, signature);
}

std::string external_account_binding(const SigningKey& key, std::string_view kid,
                                     std::string_view hmac_key, std::string_view url) {
  const json object{{"alg", "HS256"}, {"kid", kid}, {"url", url}};
  const std::string head = encode_base64url(dumped(object));
  const std::string body = encode_base64url(jwk_of(key));
  return flattened(head, body, as_text(hmac_sha256(hmac_key, head + "." + body)));
}

}  // namespace aralez
