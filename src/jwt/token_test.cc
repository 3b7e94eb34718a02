#include "jwt/token.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "jwt/issue.h"
#include "jwt/vectors_test.h"
#include "tls/digest.h"

namespace aralez {
namespace {

constexpr std::int64_t kNow = 1'600'000'000;
constexpr std::string_view kSecret = "a secret of some length, thirty-two and more";
const TokenPolicy kStandard{.claims = TokenPolicy::Claims::standard};

KeySet secret_set() {
  KeySet set;
  set.push_back(TokenKey::secret(std::string(kSecret)));
  return set;
}
KeySet set_of(std::string_view text) {
  auto set = parse_keys(text);
  EXPECT_TRUE(set.has_value());
  return set ? std::move(*set) : KeySet();
}

std::string signed_token(std::string_view claims,
                         std::string_view header = R"({"alg":"HS256","typ":"JWT"})") {
  const std::string text = encode_base64url(header) + "." + encode_base64url(claims);
  return text + "." + encode_base64url(as_text(hmac_sha256(kSecret, text)));
}
TokenFlaw flaw_of(std::string_view token, const TokenPolicy& policy = {}) {
  return check_token(token, secret_set(), policy, kNow).flaw;
}
TokenFlaw flaw_of_claims(std::string_view claims, const TokenPolicy& policy = {}) {
  return flaw_of(signed_token(claims), policy);
}

TEST(Token, of_our_own_making_is_good_until_it_expires) {
  const auto token = issue_token({.owner = "ops", .expires = kNow + 10}, kSecret);
  const auto at = [&](std::int64_t now) { return check_token(token, secret_set(), {}, now); };
  EXPECT_EQ(at(kNow).flaw, TokenFlaw::none);
  EXPECT_EQ(at(kNow).expires, kNow + 10);
  EXPECT_EQ(at(kNow + 9).flaw, TokenFlaw::none);
  EXPECT_EQ(at(kNow + 10).flaw, TokenFlaw::expired);  // no leeway
}

TEST(Token, needs_the_claims_of_the_reference) {
  constexpr auto kGood = R"({"master_key":"","owner":"o","exp":1600000001})";
  EXPECT_EQ(flaw_of_claims(kGood), TokenFlaw::none);
  EXPECT_EQ(flaw_of_claims(R"({"master_key":"","owner":"o","exp":1600000001,"random":"r",)"
                           R"("iss":1,"nbf":9999999999,"x":[]})"),
            TokenFlaw::none);
  for (const auto* bad :
       {R"({"owner":"o","exp":1600000001})", R"({"master_key":"","exp":1600000001})",
        R"({"master_key":"","owner":"o"})", R"({"master_key":"","owner":"o","exp":"1600000001"})",
        R"({"master_key":"","owner":"o","exp":1600000001.5})",
        R"({"master_key":"","owner":"o","exp":-1})", R"({"master_key":1,"owner":"o","exp":1})",
        R"({"master_key":"","owner":"o","exp":1600000001,"random":1})", "[]", "x", ""})
    EXPECT_EQ(flaw_of_claims(bad), TokenFlaw::claims) << bad;
  EXPECT_EQ(flaw_of_claims(R"({"master_key":"","owner":"o","exp":1600000001,"aud":"a"})"),
            TokenFlaw::audience);
  EXPECT_EQ(flaw_of_claims(R"({"master_key":"","owner":"o","exp":1,"exp":1600000001})"),
            TokenFlaw::claims);
}

TEST(Token, of_other_issuers_needs_an_expiry_alone) {
  EXPECT_EQ(flaw_of_claims(R"({"exp":1600000001})", kStandard), TokenFlaw::none);
  EXPECT_EQ(flaw_of_claims(R"({"exp":1600000000.5})", kStandard), TokenFlaw::none);
  EXPECT_EQ(flaw_of_claims(R"({"exp":1600000000})", kStandard), TokenFlaw::expired);
  EXPECT_EQ(flaw_of_claims(R"({"exp":1e300})", kStandard), TokenFlaw::none);
  EXPECT_EQ(flaw_of_claims(R"({"sub":"x"})", kStandard), TokenFlaw::claims);
  EXPECT_EQ(flaw_of_claims(R"({"exp":1600000001,"nbf":1600000060})", kStandard), TokenFlaw::none);
  EXPECT_EQ(flaw_of_claims(R"({"exp":1600000001,"nbf":1600000061})", kStandard),
            TokenFlaw::not_yet);
  EXPECT_EQ(flaw_of_claims(R"({"exp":1600000001,"nbf":"x"})", kStandard), TokenFlaw::claims);
}

TEST(Token, must_be_from_the_issuer_and_for_the_audience) {
  TokenPolicy policy = kStandard;
  policy.issuer = "https://id.test";
  policy.audience = "shop";
  const auto flaw = [&policy](std::string_view rest) {
    return flaw_of_claims(fmt::format(R"({{"exp":1600000001{}}})", rest), policy);
  };
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test","aud":"shop")"), TokenFlaw::none);
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test","aud":["x","shop"])"), TokenFlaw::none);
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test/","aud":"shop")"), TokenFlaw::issuer);
  EXPECT_EQ(flaw(R"(,"iss":["https://id.test"],"aud":"shop")"), TokenFlaw::issuer);
  EXPECT_EQ(flaw(R"(,"aud":"shop")"), TokenFlaw::issuer);
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test")"), TokenFlaw::audience);
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test","aud":"shopx")"), TokenFlaw::audience);
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test","aud":["x",["shop"]])"), TokenFlaw::audience);
  EXPECT_EQ(flaw(R"(,"iss":"https://id.test","aud":[])"), TokenFlaw::audience);
}

TEST(Token, of_each_algorithm_that_pyjwt_made_is_good) {
  struct Case {
    std::string_view keys;
    std::string_view token;
  };
  for (const Case& c :
       {Case{vectors::kRsaPem, vectors::kRs256Token}, Case{vectors::kP256Pem, vectors::kEs256Token},
        Case{vectors::kP384Pem, vectors::kEs384Token}, Case{vectors::kEdPem, vectors::kEdDsaToken},
        Case{vectors::kJwks, vectors::kPs256Token}, Case{vectors::kJwks, vectors::kEs256Token},
        Case{vectors::kJwks, vectors::kEdDsaToken}}) {
    const KeySet set = set_of(c.keys);
    EXPECT_EQ(check_token(c.token, set, kStandard, kNow).flaw, TokenFlaw::none);
    EXPECT_EQ(check_token(c.token, set, kStandard, kNow + 10).flaw, TokenFlaw::expired);
    std::string changed(c.token);
    changed[changed.rfind('.') + 8] ^= 1;  // another letter of the alphabet, or none
    EXPECT_NE(check_token(changed, set, kStandard, kNow).flaw, TokenFlaw::none);
  }
}

TEST(Token, does_not_choose_the_algorithm) {
  const KeySet rsa = set_of(vectors::kRsaPem);
  EXPECT_EQ(verify_jws(vectors::kPs256Token, rsa).flaw, TokenFlaw::algorithm);
  EXPECT_EQ(verify_jws(vectors::kConfusedToken, rsa).flaw, TokenFlaw::algorithm);
  EXPECT_EQ(verify_jws(vectors::kRs256Token, secret_set()).flaw, TokenFlaw::algorithm);
  constexpr auto kGood = R"({"master_key":"","owner":"o","exp":1600000001})";
  for (const auto* header : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"HS384"})",
                             R"({"alg":"hs256"})", R"({"alg":""})"}) {
    const auto token = signed_token(kGood, header);
    EXPECT_EQ(flaw_of(token), TokenFlaw::algorithm) << header;
    EXPECT_EQ(flaw_of(token.substr(0, token.rfind('.') + 1)), TokenFlaw::algorithm) << header;
  }
}

TEST(Token, is_refused_for_a_header_that_is_not_understood) {
  constexpr auto kGood = R"({"master_key":"","owner":"o","exp":1600000001})";
  EXPECT_EQ(flaw_of(signed_token(kGood, R"({"alg":"HS256","kid":"../../etc/passwd","typ":"x"})")),
            TokenFlaw::none);  // the secret has no kid: nothing is looked up by it
  EXPECT_EQ(flaw_of(signed_token(kGood, R"({"alg":"HS256","crit":["b64"],"b64":false})")),
            TokenFlaw::critical);
  for (const auto* header : {R"({"alg":1})", R"({})", R"({"alg":"HS256","kid":1})",
                             R"({"alg":"none","alg":"HS256"})", "[]", ""})
    EXPECT_EQ(flaw_of(signed_token(kGood, header)), TokenFlaw::malformed) << header;
}

TEST(Token, is_three_parts_of_one_encoding) {
  const auto good = signed_token(R"({"master_key":"","owner":"o","exp":1600000001})");
  EXPECT_EQ(flaw_of(good), TokenFlaw::none);
  for (const std::string& bad :
       {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + ".",
        good + ".x", good + "=", " " + good, good.substr(0, good.rfind('.')), "x" + good,
        std::string(kMaxTokenBytes + 1, '.')})
    EXPECT_EQ(flaw_of(bad), TokenFlaw::malformed) << bad;
  EXPECT_EQ(flaw_of(good.substr(0, good.rfind('.') + 1)), TokenFlaw::signature);
}

TEST(Token, with_a_kid_is_tried_with_that_key_alone) {
  const KeySet set = set_of(vectors::kJwks);
  EXPECT_EQ(verify_jws(vectors::kEs256Token, set).flaw, TokenFlaw::none);  // kid "one"
  std::string other(vectors::kJwks);
  other.replace(other.find("\"one\""), 5, "\"two\"");
  EXPECT_EQ(verify_jws(vectors::kEs256Token, set_of(other)).flaw, TokenFlaw::unknown_key);
}

TEST(Token, flaws_have_texts_that_a_header_can_hold) {
  for (int i = 1; i <= static_cast<int>(TokenFlaw::audience); ++i) {
    const auto text = text_of(static_cast<TokenFlaw>(i));
    EXPECT_FALSE(text.empty()) << i;
    EXPECT_EQ(text.find_first_of("\"\\"), std::string_view::npos) << text;
  }
}

}  // namespace
}  // namespace aralez
