// Tokens, key sets, JSON objects and requests for tokens: every input is read as each of them.
// fuzz-link: jwt
#include "base/base64.h"
#include "base/query.h"
#include "check.h"
#include "jwt/issue.h"
#include "jwt/json_object.h"
#include "jwt/token.h"

namespace aralez::fuzz {
namespace {

constexpr std::int64_t kNow = 1'600'000'000;
constexpr std::string_view kSecret = "s3cret";

const KeySet& keys() {
  static const KeySet set = [] {
    KeySet out;
    out.push_back(TokenKey::secret(std::string(kSecret)));
    return out;
  }();
  return set;
}

void check_as_token(std::string_view text) {
  const TokenCheck result = check_token(text, keys(), {}, kNow);
  require((result.flaw == TokenFlaw::none) == (result.expires > kNow),
          "a good token is good for some time");
  require((result.flaw == TokenFlaw::none) == text_of(result.flaw).empty(), "a flaw has a text");
  if (result.flaw != TokenFlaw::none) return;
  // Signatures are of the text as it came.
  std::string other(text);
  other[other.find('.') - 1] ^= 1;
  require(check_token(other, keys(), {}, kNow).flaw != TokenFlaw::none, "no other text is as good");
}

void check_as_base64(std::string_view text) {
  if (const auto bytes = decode_base64(text, Base64::url))
    require(encode_base64url(*bytes) == text, "base64 has one way to say it");
}

void check_as_object(std::string_view text) {
  JsonObject object;
  if (object.parse(text) != JsonObject::Flaw::none) return;
  for (const std::string_view name : {"alg", "exp", "aud", "iss"})
    if (const std::string* value = object.text(name)) {
      JsonObject again;
      require(again.parse("{\"x\":" + json_string(*value) + "}") == JsonObject::Flaw::none &&
                  *again.text("x") == *value,
              "a text is read as it is written");
    }
}

void check_as_request(std::string_view text) {
  const TokenAnswer answer = answer_token_request("application/json", text, kSecret, kNow);
  require(
      answer.status == 201 || answer.status == 400 || answer.status == 403 || answer.status == 422,
      "one of the statuses of the reference");
  if (answer.status != 201) return;
  JsonObject object;
  require(object.parse(answer.body) == JsonObject::Flaw::none && object.text("token") != nullptr,
          "an answer is JSON");
  const TokenFlaw flaw = check_token(*object.text("token"), keys(), {}, kNow).flaw;
  require(flaw == TokenFlaw::none || flaw == TokenFlaw::expired, "what is issued is accepted");
}

}  // namespace
}  // namespace aralez::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aralez::fuzz;
  const auto bytes = exact({reinterpret_cast<const char*>(data), size});
  const std::string_view text = view(bytes);
  check_as_token(text);
  check_as_base64(text);
  check_as_object(text);
  check_as_request(text);
  static_cast<void>(aralez::parse_keys(text));
  aralez::for_each_parameter(text, [text](std::string_view name, std::string_view value) {
    require(name.size() + value.size() <= text.size(), "a parameter is part of the query");
    while (!name.empty()) static_cast<void>(aralez::take_decoded(name));
  });
  return 0;
}
