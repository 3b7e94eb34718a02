#include "jwt/key_set.h"

#include <gtest/gtest.h>

#include "jwt/vectors_test.h"

namespace aralez {
namespace {

std::string flaw_of(std::string_view text) {
  const auto keys = parse_keys(text);
  return keys ? std::string() : keys.error();
}

TEST(KeySet, takes_its_algorithm_from_the_key) {
  const auto algorithms = [](std::string_view pem) {
    std::string out;
    const auto keys = parse_keys(pem);
    for (const auto* name : {"HS256", "RS256", "RS384", "PS256", "ES256", "ES384", "ES512", "EdDSA",
                             "none", "", "rs256"})
      if (keys && keys->front().has_algorithm(name)) out += name;
    return out;
  };
  EXPECT_EQ(algorithms(vectors::kRsaPem), "RS256");
  EXPECT_EQ(algorithms(vectors::kP256Pem), "ES256");
  EXPECT_EQ(algorithms(vectors::kP384Pem), "ES384");
  EXPECT_EQ(algorithms(vectors::kEdPem), "EdDSA");
}

TEST(KeySet, holds_all_keys_of_a_text) {
  EXPECT_EQ(parse_keys(std::string(vectors::kRsaPem) + std::string(vectors::kP256Pem))->size(), 2U);
  const auto set = parse_keys(vectors::kJwks);
  ASSERT_TRUE(set.has_value()) << set.error();
  ASSERT_EQ(set->size(), 3U);  // not the unknown ones, not the one for encryption
  EXPECT_TRUE((*set)[0].has_algorithm("PS256"));
  EXPECT_FALSE((*set)[0].has_algorithm("RS256"));
  EXPECT_EQ((*set)[1].kid(), "one");
}

TEST(KeySet, refuses_what_is_weak_private_or_no_key) {
  EXPECT_EQ(flaw_of(vectors::kWeakPem), "an RSA key of 1024 bits is too weak; it takes 2048");
  EXPECT_EQ(flaw_of(vectors::kK1Pem), "not an RSA, P-256, P-384, P-521 or Ed25519 key");
  EXPECT_NE(flaw_of(vectors::kPrivatePem).find("a private key"), std::string::npos);
  EXPECT_EQ(flaw_of("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
            "not a public key");
  EXPECT_EQ(flaw_of(std::string(vectors::kRsaPem).substr(0, 200)), "a PEM text that is damaged");
  EXPECT_EQ(flaw_of("not keys"), "not JSON");
  EXPECT_EQ(flaw_of("{"), "not JSON");
  EXPECT_EQ(flaw_of("{\"keys\":[]}"), "no key in it");
  EXPECT_EQ(flaw_of("{\"keys\":{}}"), "no JSON Web Key Set: \"keys\" is not a list");
  EXPECT_EQ(flaw_of("{\"keys\":[1]}"), "no JSON Web Key Set: a key has no kty");
  EXPECT_NE(flaw_of(R"({"keys":[{"kty":"oct","k":"AAAA"}]})").find("secret or private"),
            std::string::npos);
  EXPECT_NE(flaw_of(R"({"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]})").find("length"),
            std::string::npos);
  EXPECT_NE(flaw_of(R"({"keys":[{"kty":"new"}]})").find("not known"), std::string::npos);
  EXPECT_EQ(flaw_of(std::string(kMaxKeySetBytes + 1, ' ')), "larger than 256 KiB");
}

TEST(KeySet, knows_public_keys_that_must_not_be_secrets) {
  std::string bare;
  for (const char c : vectors::kP256Pem.substr(27, vectors::kP256Pem.rfind("-----END") - 27))
    if (c != '\n') bare += c;
  EXPECT_TRUE(is_bare_public_key(bare));
  EXPECT_FALSE(is_bare_public_key("MyVerySecretSecretThatIsNoKeyAtAllButLongEnoughForOne"));
  EXPECT_TRUE(is_key_text(vectors::kRsaPem));
  EXPECT_TRUE(is_key_text(" {\"keys\":[]}"));
  EXPECT_FALSE(is_key_text("secret"));
  EXPECT_FALSE(is_key_text(""));
}

}  // namespace
}  // namespace aralez
