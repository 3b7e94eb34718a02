#include "control/acme/jws.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "tls/digest.h"
#include "tls/signature.h"

namespace aralez {
namespace {

using nlohmann::json;

std::string decoded(const json& text) {
  return decode_base64(text.get<std::string>(), Base64::url).value_or("?");
}
std::string signed_part(const json& jws) {
  return jws["protected"].get<std::string>() + "." + jws["payload"].get<std::string>();
}

class Jws : public ::testing::Test {
 protected:
  void verify(const json& jws) const {
    const auto [x, y] = key_.point();
    EXPECT_TRUE(
        PublicKey::curve(PublicKey::Kind::p256, x, y)
            ->verifies(SignatureAlgorithm::es256, signed_part(jws), decoded(jws["signature"])));
  }
  const SigningKey key_ = *SigningKey::generate();
};

TEST_F(Jws, of_a_key_without_an_account_carries_the_key) {
  const json jws = json::parse(sign_jws(key_, {.url = "https://ca/x", .nonce = "n"}, "{}"));
  verify(jws);
  EXPECT_EQ(decoded(jws["payload"]), "{}");
  EXPECT_EQ(json::parse(decoded(jws["protected"])), (json{{"alg", "ES256"},
                                                          {"nonce", "n"},
                                                          {"url", "https://ca/x"},
                                                          {"jwk", json::parse(jwk_of(key_))}}));
}

TEST_F(Jws, of_an_account_names_it_alone) {
  const json jws =
      json::parse(sign_jws(key_, {.url = "u", .nonce = "n", .account = "https://ca/acct/1"}, ""));
  verify(jws);
  EXPECT_EQ(jws["payload"], "") << "RFC 8555 section 6.3";
  EXPECT_EQ(json::parse(decoded(jws["protected"])),
            (json{{"alg", "ES256"}, {"nonce", "n"}, {"url", "u"}, {"kid", "https://ca/acct/1"}}));
}

TEST_F(Jws, survives_what_an_authority_says) {
  const json jws = json::parse(sign_jws(key_, {.url = "\"\n\xff", .nonce = "\\"}, ""));
  EXPECT_EQ(json::parse(decoded(jws["protected"]))["nonce"], "\\");
}

TEST_F(Jws, binds_an_account_elsewhere) {
  const json jws = json::parse(external_account_binding(key_, "kid-1", "secret", "https://ca/new"));
  EXPECT_EQ(json::parse(decoded(jws["protected"])),
            (json{{"alg", "HS256"}, {"kid", "kid-1"}, {"url", "https://ca/new"}}));
  EXPECT_EQ(decoded(jws["payload"]), jwk_of(key_));
  EXPECT_EQ(decoded(jws["signature"]), as_text(hmac_sha256("secret", signed_part(jws))));
}

TEST_F(Jws, thumbprint_is_that_of_the_members_in_order) {
  EXPECT_EQ(jwk_of(key_), json::parse(jwk_of(key_)).dump()) << "RFC 7638 section 3.3";
  EXPECT_EQ(decoded(thumbprint_of(key_)), as_text(sha256({jwk_of(key_)})));
}

}  // namespace
}  // namespace aralez
