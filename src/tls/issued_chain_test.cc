#include "tls/issued_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include <fstream>

#include "support/temp_folder.h"
#include "tls/key_tools.h"
#include "tls/make_certificate_test.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using testing::kDay;
using testing::kNow;

/// A certificate for a.test and the key that it is for.
struct Issued {
  explicit Issued(const testing::CertificateSpec& spec) {
    const auto pair = testing::make_pair_of(spec);
    const BioPtr chain(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(chain.get(), pair->chain.front().get());
    pem = text_of(*chain);
    const BioPtr der(BIO_new(BIO_s_mem()));
    i2d_PKCS8PrivateKeyInfo_bio(der.get(), pair->key.get());
    key = SigningKey::from_pkcs8(text_of(*der));
  }
  [[nodiscard]] std::string why_not(const std::string& host) const {
    const auto checked = check_issued_chain(pem, *key, host, kNow);
    return checked ? "" : checked.error();
  }
  std::string pem;
  std::optional<SigningKey> key;
};

TEST(IssuedChain, of_our_key_and_name_is_taken_without_what_stands_around_it) {
  const Issued issued({.names = "DNS:a.test", .from = -kDay, .until = 89 * kDay});
  const auto checked =
      check_issued_chain("words\n" + issued.pem + "more", *issued.key, "a.test", kNow);
  ASSERT_TRUE(checked) << checked.error();
  EXPECT_EQ(checked->pem, issued.pem);
  EXPECT_EQ(checked->life.begins, kNow - kDay);
  EXPECT_EQ(checked->life.ends, kNow + 89 * kDay);
}

TEST(IssuedChain, of_anything_else_is_refused) {
  Issued issued({.names = "DNS:a.test"});
  EXPECT_THAT(issued.why_not("b.test"), HasSubstr("another name"));
  EXPECT_THAT(issued.why_not("a.test.x"), HasSubstr("another name"));
  EXPECT_THAT(Issued({.names = "DNS:a.test", .until = -1}).why_not("a.test"),
              HasSubstr("expired already"));
  issued.key = SigningKey::generate();
  EXPECT_THAT(issued.why_not("a.test"), HasSubstr("another key"));
  issued.pem = "<html>";
  EXPECT_THAT(issued.why_not("a.test"), HasSubstr("no chain"));
}

class LifeOfFiles : public testing::TempFolderTest {
 protected:
  void save(const Issued& issued, const std::string& key) {
    std::ofstream(files_.chain) << issued.pem;
    std::ofstream(files_.key) << key;
  }
  const CertificateFiles files_{.chain = (folder_ / "a.crt").string(),
                                .key = (folder_ / "a.key").string()};
};

TEST_F(LifeOfFiles, is_that_of_a_pair_that_can_be_used) {
  const Issued issued({.names = "DNS:a.test", .until = 5 * kDay});
  EXPECT_FALSE(*life_of(files_, "a.test", kNow)) << "there are no files";
  save(issued, issued.key->pem());
  const auto life = life_of(files_, "a.test", kNow);
  ASSERT_TRUE(life && *life);
  EXPECT_EQ((*life)->ends, kNow + 5 * kDay);
  EXPECT_EQ((*life)->id, "") << "it names no issuer";
  EXPECT_FALSE(*life_of(files_, "b.test", kNow));
  save(issued, SigningKey::generate()->pem());
  EXPECT_FALSE(*life_of(files_, "a.test", kNow)) << "not its key";
}

TEST_F(LifeOfFiles, is_unknown_when_they_cannot_be_read) {
  const Issued issued({.names = "DNS:a.test"});
  save(issued, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
  EXPECT_THAT(life_of(files_, "a.test", kNow).error(), HasSubstr("a.key has a passphrase"));
  std::filesystem::remove(files_.key);
  std::filesystem::create_directory(files_.key);
  EXPECT_THAT(life_of(files_, "a.test", kNow).error(), HasSubstr("a.key cannot be read"));
}

}  // namespace
}  // namespace aralez
