#include "jwt/token.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/base64.h"
#include "jwt/json_object.h"

namespace aralez {
namespace {

/// Clocks differ; `exp` has no such leeway (behaviour section 8.3).
constexpr double kNotBeforeLeeway = 60;
/// How many keys a token without a `kid` may make us try.
constexpr int kMaxTries = 4;
constexpr double kFarAway = 9'007'199'254'740'992.0;  // 2^53

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;
};

std::optional<Parts> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

std::optional<JsonObject> object_in(std::string_view json) {
  JsonObject object;
  if (object.parse(json) != JsonObject::Flaw::none) return std::nullopt;
  return object;
}

/// Looks for the key of the token and checks the signature with it.
TokenFlaw check_signature(const Parts& parts, std::string_view signature, const JsonObject& header,
                          const KeySet& keys) {
  const std::string* const algorithm = header.text("alg");
  if (algorithm == nullptr) return TokenFlaw::malformed;
  std::string_view kid;
  if (header.find("kid") != nullptr) {
    const std::string* const text = header.text("kid");
    if (text == nullptr) return TokenFlaw::malformed;
    kid = *text;
  }
  TokenFlaw flaw = TokenFlaw::algorithm;
  int tries = 0;
  for (const TokenKey& key : keys) {
    if (!key.has_algorithm(*algorithm)) continue;
    if (flaw == TokenFlaw::algorithm) flaw = TokenFlaw::unknown_key;
    if (!kid.empty() && !key.kid().empty() && key.kid() != kid) continue;
    if (tries++ == kMaxTries) break;
    if (key.verifies(parts.signed_text, signature)) return TokenFlaw::none;
    flaw = TokenFlaw::signature;
  }
  return flaw;
}

bool is_number(const JsonValue* value) {
  return value != nullptr &&
         (value->kind == JsonValue::Kind::natural || value->kind == JsonValue::Kind::number);
}

/// RFC 7519 section 4.1.3: a text or a list of texts.
bool names_audience(const JsonValue& claim, const std::string& audience) {
  if (claim.kind == JsonValue::Kind::text) return claim.text == audience;
  return claim.kind == JsonValue::Kind::texts &&
         std::find(claim.texts.begin(), claim.texts.end(), audience) != claim.texts.end();
}

TokenFlaw check_shape(const JsonObject& claims, const TokenPolicy& policy) {
  const JsonValue* const expires = claims.find("exp");
  if (!is_number(expires)) return TokenFlaw::claims;
  if (policy.claims == TokenPolicy::Claims::standard) {
    const JsonValue* const not_before = claims.find("nbf");
    return not_before == nullptr || is_number(not_before) ? TokenFlaw::none : TokenFlaw::claims;
  }
  const JsonValue* const random = claims.find("random");
  const bool random_fits = random == nullptr || random->kind == JsonValue::Kind::null ||
                           random->kind == JsonValue::Kind::text;
  const bool all = claims.text("master_key") != nullptr && claims.text("owner") != nullptr &&
                   expires->kind == JsonValue::Kind::natural && random_fits;
  return all ? TokenFlaw::none : TokenFlaw::claims;
}

TokenFlaw check_claims(const JsonObject& claims, const TokenPolicy& policy, double now) {
  if (const TokenFlaw flaw = check_shape(claims, policy); flaw != TokenFlaw::none) return flaw;
  if (!(claims.find("exp")->number > now)) return TokenFlaw::expired;
  if (policy.claims == TokenPolicy::Claims::standard)
    if (const JsonValue* const from = claims.find("nbf");
        from != nullptr && from->number > now + kNotBeforeLeeway)
      return TokenFlaw::not_yet;
  if (!policy.issuer.empty()) {
    const std::string* const issuer = claims.text("iss");
    if (issuer == nullptr || *issuer != policy.issuer) return TokenFlaw::issuer;
  }
  const JsonValue* const audience = claims.find("aud");
  const bool fits = audience == nullptr
                        ? policy.audience.empty()
                        : !policy.audience.empty() && names_audience(*audience, policy.audience);
  return fits ? TokenFlaw::none : TokenFlaw::audience;
}

struct FlawText {
  TokenFlaw flaw;
  std::string_view text;
};
constexpr std::array kTexts = {
    FlawText{TokenFlaw::none, ""},
    FlawText{TokenFlaw::malformed, "the token is malformed"},
    FlawText{TokenFlaw::critical, "the token has a crit header"},
    FlawText{TokenFlaw::algorithm, "the algorithm of the token is not that of the key"},
    FlawText{TokenFlaw::unknown_key, "no key has the kid of the token"},
    FlawText{TokenFlaw::signature, "the signature does not fit"},
    FlawText{TokenFlaw::claims, "a claim is missing or of the wrong type"},
    FlawText{TokenFlaw::expired, "the token has expired"},
    FlawText{TokenFlaw::not_yet, "the token is not valid yet"},
    FlawText{TokenFlaw::issuer, "the issuer of the token is another"},
    FlawText{TokenFlaw::audience, "the token is for another audience"}};

}  // namespace

std::string_view text_of(TokenFlaw flaw) noexcept {
  for (const FlawText& entry : kTexts)
    if (entry.flaw == flaw) return entry.text;
  return "";
}

VerifiedJws verify_jws(std::string_view token, const KeySet& keys) {
  if (token.size() > kMaxTokenBytes) return {.flaw = TokenFlaw::malformed};
  const auto parts = split(token);
  if (!parts) return {.flaw = TokenFlaw::malformed};
  const auto header_text = decode_base64(parts->header, Base64::url);
  auto payload = decode_base64(parts->payload, Base64::url);
  const auto signature = decode_base64(parts->signature, Base64::url);
  if (!header_text || !payload || !signature) return {.flaw = TokenFlaw::malformed};
  const auto header = object_in(*header_text);
  if (!header) return {.flaw = TokenFlaw::malformed};
  if (header->find("crit") != nullptr) return {.flaw = TokenFlaw::critical};
  const TokenFlaw flaw = check_signature(*parts, *signature, *header, keys);
  if (flaw != TokenFlaw::none) return {.flaw = flaw};
  return {.payload = std::move(*payload)};
}

TokenCheck check_token(std::string_view token, const KeySet& keys, const TokenPolicy& policy,
                       std::int64_t now) {
  const VerifiedJws jws = verify_jws(token, keys);
  if (jws.flaw != TokenFlaw::none) return {.flaw = jws.flaw};
  const auto claims = object_in(jws.payload);
  if (!claims) return {.flaw = TokenFlaw::claims};
  const TokenFlaw flaw = check_claims(*claims, policy, static_cast<double>(now));
  if (flaw != TokenFlaw::none) return {.flaw = flaw};
  return {.expires = static_cast<std::int64_t>(std::min(claims->find("exp")->number, kFarAway))};
}

}  // namespace aralez
