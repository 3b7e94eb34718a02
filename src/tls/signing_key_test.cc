#include "tls/signing_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/signature.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(SigningKey, signs_what_its_public_key_verifies) {
  const auto key = SigningKey::generate();
  ASSERT_TRUE(key);
  const auto [x, y] = key->point();
  const auto known = PublicKey::curve(PublicKey::Kind::p256, x, y);
  ASSERT_TRUE(known);
  for (int i = 0; i < 50; ++i) {  // numbers with leading zeros among them
    const std::string text = "text " + std::to_string(i);
    const std::string signature = key->sign(text);
    EXPECT_EQ(signature.size(), 64U);
    EXPECT_TRUE(known->verifies(SignatureAlgorithm::es256, text, signature));
    EXPECT_FALSE(known->verifies(SignatureAlgorithm::es256, text + "x", signature));
  }
}

TEST(SigningKey, is_the_same_after_it_was_kept) {
  const auto key = SigningKey::generate();
  ASSERT_TRUE(key);
  const auto again = SigningKey::from_pkcs8(key->pkcs8());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->point().x, key->point().x);
  EXPECT_THAT(key->pem(), StartsWith("-----BEGIN PRIVATE KEY-----\n"));
}

TEST(SigningKey, takes_no_other_kind_of_key) {
  EXPECT_FALSE(SigningKey::from_pkcs8(""));
  EXPECT_FALSE(SigningKey::from_pkcs8("0123456789"));
  const auto key = SigningKey::generate();
  EXPECT_FALSE(SigningKey::from_pkcs8(std::string_view(key->pkcs8()).substr(0, 60)));
}

TEST(SigningKey, asks_for_a_certificate_of_one_name) {
  const auto key = SigningKey::generate();
  const std::string host = std::string(63, 'a') + "." + std::string(63, 'b') + ".test";
  EXPECT_THAT(key->certificate_request(host), HasSubstr(host));
}

}  // namespace
}  // namespace aralez
