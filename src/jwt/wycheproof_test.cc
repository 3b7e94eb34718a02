#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/base64.h"
#include "jwt/token.h"

namespace aralez {
namespace {

using nlohmann::json;

json vectors(const std::string& name) {
  std::ifstream file(ARALEZ_VECTORS "/wycheproof/" + name);
  EXPECT_TRUE(file.good()) << "no vectors at " ARALEZ_VECTORS "; see ../shared/README.md";
  return json::parse(file, nullptr, false);
}

/// The key of a group, as an operator would give it to us; empty if it is refused.
KeySet keys_of(const json& group) {
  if (group.contains("public") && !group["public"].is_null()) {
    auto set = parse_keys(group["public"].dump());
    return set ? std::move(*set) : KeySet();
  }
  KeySet set;
  const json& secret = group["private"].contains("keys") && group["private"]["keys"].size() == 1
                           ? group["private"]["keys"][0]
                           : group["private"];
  if (secret.value("kty", "") != "oct" || secret.value("alg", "") != "HS256") return set;
  auto bytes = decode_base64(secret.value("k", ""), Base64::url);
  if (bytes && bytes->size() >= 32) set.push_back(TokenKey::secret(std::move(*bytes)));
  return set;
}

/// Checks all cases but those that `but` names.
void check_all(const std::string& name, const std::set<int>& but) {
  const json file = vectors(name);
  ASSERT_TRUE(file.is_object());
  int checked = 0;
  for (const json& group : file["testGroups"]) {
    const KeySet set = keys_of(group);
    for (const json& test : group["tests"]) {
      if (!test["jws"].is_string() || but.contains(test["tcId"].get<int>())) continue;
      const bool good = verify_jws(test["jws"].get<std::string>(), set).flaw == TokenFlaw::none;
      EXPECT_EQ(good, test["result"] == "valid")
          << name << " " << test["tcId"] << " " << group["comment"] << ": " << test["comment"];
      ++checked;
    }
  }
  EXPECT_GT(checked, 20);
}

TEST(Wycheproof, signatures) {
  // 346, 350: the key says PS256, the token PS384. 347, 351: the key names an algorithm that there
  // is not, a slip of RFC 7520. 367, 370: the very token of 357, which is valid. 372, 373: a
  // question mark in base64 that somebody reads over.
  check_all("json_web_signature_test.json", {346, 347, 350, 351, 367, 370, 372, 373});
}

TEST(Wycheproof, keys) {
  // 2, 14, 15: sets of secrets, HS384 and HS512, which nobody can configure.
  check_all("json_web_key_test.json", {2, 14, 15});
}

}  // namespace
}  // namespace aralez
