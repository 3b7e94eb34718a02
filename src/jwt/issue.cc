#include "jwt/issue.h"

#include <fmt/format.h>

#include <optional>

#include "base/ascii.h"
#include "base/base64.h"
#include "base/constant_time.h"
#include "jwt/json_object.h"
#include "tls/digest.h"

namespace aralez {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kText = "text/plain; charset=utf-8";

/// Expiry times stay below this, so that every reader can hold them: 2^53.
constexpr std::uint64_t kLastSecond = 9'007'199'254'740'992;

TokenAnswer token_answer(std::uint16_t status, std::string_view token) {
  return {status, kJson, fmt::format("{{\"token\":{}}}", json_string(token))};
}
TokenAnswer refusal(std::uint16_t status, std::string text) {
  return {status, kText, std::move(text)};
}

/// `application/json` and `application/*+json`, with or without parameters.
bool is_json(std::string_view content_type) {
  const std::string_view type = trim_ows(content_type.substr(0, content_type.find(';')));
  const auto slash = type.find('/');
  if (slash == std::string_view::npos || !iequals(type.substr(0, slash), "application"))
    return false;
  const auto subtype = type.substr(slash + 1);
  const auto plus = subtype.rfind('+');
  return iequals(plus == std::string_view::npos ? subtype : subtype.substr(plus + 1), "json");
}

struct Wanted {
  const std::string* master_key = nullptr;
  const std::string* owner = nullptr;
  std::uint64_t minutes = 0;
  const std::string* random = nullptr;
};

/// What is missing or of the wrong type, or nothing.
std::optional<std::string> read(const JsonObject& object, Wanted& out) {
  const auto wrong = [](std::string_view name, std::string_view what) {
    return fmt::format("Failed to deserialize the JSON body into the target type: {}: {}", name,
                       what);
  };
  for (const auto& [name, text] :
       {std::pair{"master_key", &out.master_key}, std::pair{"owner", &out.owner}}) {
    if (object.find(name) == nullptr) return wrong(name, "missing field");
    *text = object.text(name);
    if (*text == nullptr) return wrong(name, "expected a string");
  }
  const JsonValue* minutes = object.find("exp");
  if (minutes == nullptr) minutes = object.find("valid");
  if (minutes == nullptr) return wrong("exp", "missing field");
  if (minutes->kind != JsonValue::Kind::natural)
    return wrong("exp", "expected a whole number of minutes");
  out.minutes = minutes->natural;
  const JsonValue* random = object.find("random");
  if (random != nullptr && random->kind != JsonValue::Kind::null) {
    out.random = object.text("random");
    if (out.random == nullptr) return wrong("random", "expected a string");
  }
  return std::nullopt;
}

}  // namespace

std::string issue_token(const TokenClaims& claims, std::string_view master_key) {
  const std::string signed_part =
      encode_base64url(R"({"typ":"JWT","alg":"HS256"})") + '.' +
      encode_base64url(fmt::format(
          R"({{"master_key":"","owner":{},"exp":{},"random":{}}})", json_string(claims.owner),
          claims.expires, claims.random != nullptr ? json_string(*claims.random) : "null"));
  return signed_part + '.' + encode_base64url(as_text(hmac_sha256(master_key, signed_part)));
}

TokenAnswer answer_token_request(std::string_view content_type, std::string_view body,
                                 std::string_view master_key, std::int64_t now) {
  if (!is_json(content_type))
    return refusal(415, "Expected request with `Content-Type: application/json`");
  JsonObject object;
  switch (object.parse(body)) {
    case JsonObject::Flaw::none: break;
    case JsonObject::Flaw::not_an_object:
    case JsonObject::Flaw::repeated_name:
      return refusal(422,
                     "Failed to deserialize the JSON body into the target type: expected one "
                     "object, each field once");
    case JsonObject::Flaw::not_json:
    case JsonObject::Flaw::too_large:
      return refusal(400, "Failed to parse the request body as JSON");
  }
  Wanted wanted;
  if (auto wrong = read(object, wanted)) return refusal(422, std::move(*wrong));
  if (master_key.empty()) return token_answer(500, "ERROR Getting JWT_KEY environment variable");
  if (!same_secret(master_key, *wanted.master_key)) return token_answer(403, "Unauthorised");
  const auto start = static_cast<std::uint64_t>(now);
  if (start > kLastSecond || wanted.minutes > (kLastSecond - start) / 60)
    return refusal(422,
                   "Failed to deserialize the JSON body into the target type: exp: too far away");
  return token_answer(
      201, issue_token({.owner = *wanted.owner,
                        .expires = static_cast<std::int64_t>(start + wanted.minutes * 60),
                        .random = wanted.random},
                       master_key));
}

}  // namespace aralez
