#include "tls/certificate_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "support/temp_folder.h"
#include "tls/openssl_ptr.h"

namespace aralez {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::time_t kNow = 1'800'000'000;  // 2027-01-15
constexpr long kDay = 86'400;

KeyPtr ec_key() {
  return KeyPtr(EVP_EC_gen("P-256"));
}

/// Self-signed, valid from `from` to `until` seconds around kNow.
X509Ptr certificate(EVP_PKEY& key, long from = -kDay, long until = kDay) {
  X509Ptr out(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1);
  ASN1_TIME_set(X509_getm_notBefore(out.get()), kNow + from);
  ASN1_TIME_set(X509_getm_notAfter(out.get()), kNow + until);
  X509_set_pubkey(out.get(), &key);
  X509_sign(out.get(), &key, EVP_sha256());
  return out;
}

std::string text_of(BIO& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(&bio, &data);
  return {data, static_cast<std::size_t>(size)};
}
std::string pem(X509& x) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), &x);
  return text_of(*bio);
}
std::string pem(EVP_PKEY& key, const char* passphrase = nullptr) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(
      bio.get(), &key, passphrase ? EVP_aes_128_cbc() : nullptr, passphrase,
      passphrase ? static_cast<int>(std::strlen(passphrase)) : 0, nullptr, nullptr);
  return text_of(*bio);
}

class CertificateFolderTest : public testing::TempFolderTest {
 protected:
  [[nodiscard]] CertificateReport check() const {
    return check_certificate_folder(folder_.string(), kNow);
  }
  /// `severity name: what`, one a line.
  [[nodiscard]] std::string found() const {
    std::string out;
    for (const auto& f : check().findings)
      out += (f.severity == Severity::error ? "error " : "warning ") +
             fs::path(f.file).filename().string() + ": " + f.what + "\n";
    return out;
  }

  KeyPtr key_ = ec_key();
};

TEST_F(CertificateFolderTest, a_good_pair_has_no_findings) {
  write("a.crt", pem(*certificate(*key_)));
  write("a.key", pem(*key_));
  const auto report = check();
  EXPECT_EQ(report.usable, 1U);
  EXPECT_THAT(report.findings, IsEmpty());
}

TEST_F(CertificateFolderTest, takes_rsa_keys_in_the_old_form_and_chains) {
  const KeyPtr rsa(EVP_RSA_gen(2048));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey_traditional(bio.get(), rsa.get(), nullptr, nullptr, 0, nullptr, nullptr);
  write("a.b.crt", "a comment\n" + pem(*certificate(*rsa)) + pem(*certificate(*key_)));
  write("a.b.key", text_of(*bio));
  EXPECT_EQ(found(), "");
}

TEST_F(CertificateFolderTest, a_folder_that_does_not_exist_has_no_pairs) {
  const auto report = check_certificate_folder((folder_ / "none").string(), kNow);
  EXPECT_EQ(report.usable, 0U);
  EXPECT_THAT(report.findings, IsEmpty());
}

TEST_F(CertificateFolderTest, a_file_in_place_of_the_folder_is_an_error) {
  write("file", "");
  const auto report = check_certificate_folder((folder_ / "file").string(), kNow);
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_THAT(report.findings[0].what, HasSubstr("cannot be listed: Not a directory"));
}

TEST_F(CertificateFolderTest, names_what_does_not_count) {
  write(".a.crt", "x");
  write("a.crt.bak", "x");
  write("a.pem", "x");
  EXPECT_EQ(found(), "");
}

TEST_F(CertificateFolderTest, either_partner_missing_is_an_error) {
  write("a.crt", pem(*certificate(*key_)));
  write("b.key", pem(*key_));
  EXPECT_EQ(found(),
            "error a.crt: its key is missing; write it to a.key\n"
            "error b.key: its certificate is missing; write it to b.crt\n");
}

TEST_F(CertificateFolderTest, the_key_of_another_certificate_is_an_error) {
  write("a.crt", pem(*certificate(*key_)));
  write("a.key", pem(*ec_key()));
  EXPECT_EQ(found(), "error a.key: not the key of a.crt\n");
  EXPECT_EQ(check().usable, 0U);
}

TEST_F(CertificateFolderTest, a_chain_in_the_wrong_order_says_so) {
  write("a.crt", pem(*certificate(*ec_key())) + pem(*certificate(*key_)));
  write("a.key", pem(*key_));
  EXPECT_EQ(found(), "error a.crt: the key belongs to certificate 2; that one must come first\n");
}

TEST_F(CertificateFolderTest, files_without_pem_are_errors_that_show_nothing_of_them) {
  write("a.crt", "secret\n");
  write("a.key", "secret\n");
  EXPECT_THAT(found(), HasSubstr("error a.crt: holds no certificate; write PEM"));
  EXPECT_THAT(found(), HasSubstr("error a.key: holds no private key; write PEM"));
  EXPECT_THAT(found(), Not(HasSubstr("secret")));
}

TEST_F(CertificateFolderTest, a_damaged_certificate_of_the_chain_is_an_error) {
  std::string damaged = pem(*certificate(*key_));
  damaged[damaged.size() / 2] = '!';
  write("a.crt", pem(*certificate(*key_)) + damaged);
  write("a.key", pem(*key_));
  EXPECT_THAT(found(), HasSubstr("error a.crt: certificate 2 is broken: "));
}

TEST_F(CertificateFolderTest, a_cut_off_certificate_is_an_error) {
  const std::string whole = pem(*certificate(*key_));
  write("a.crt", whole.substr(0, whole.size() / 2));
  write("a.key", pem(*key_));
  EXPECT_THAT(found(), HasSubstr("error a.crt: "));
}

TEST_F(CertificateFolderTest, a_key_with_a_passphrase_is_an_error_and_nobody_is_asked) {
  write("a.crt", pem(*certificate(*key_)));
  write("a.key", pem(*key_, "passphrase"));
  EXPECT_EQ(found(), "error a.key: has a passphrase; write the key without one\n");
}

TEST_F(CertificateFolderTest, a_folder_in_place_of_a_file_is_an_error) {
  fs::create_directory(folder_ / "a.crt");
  write("a.key", pem(*key_));
  EXPECT_THAT(found(), HasSubstr("error a.crt: cannot be read: "));
}

TEST_F(CertificateFolderTest, dates_are_warnings_and_the_pair_stays_usable) {
  write("a.crt", pem(*certificate(*key_, -2 * kDay, -kDay)) +
                     pem(*certificate(*ec_key(), -9 * kDay, -3 * kDay)));
  write("a.key", pem(*key_));
  write("b.crt", pem(*certificate(*key_, kDay, 2 * kDay)));
  write("b.key", pem(*key_));
  EXPECT_EQ(found(),
            "warning a.crt: expired on 2027-01-14 08:00:00 UTC\n"
            "warning a.crt: certificate 2 expired on 2027-01-12 08:00:00 UTC\n"
            "warning b.crt: not valid before 2027-01-16 08:00:00 UTC\n");
  EXPECT_EQ(check().usable, 2U);
}

TEST_F(CertificateFolderTest, hidden_files_do_not_count) {
  write(".a.crt", "half");
  write(".b.key", "half");
  EXPECT_TRUE(check().findings.empty());
  EXPECT_EQ(check().usable, 0U);
}

TEST_F(CertificateFolderTest, every_pair_is_looked_at) {
  for (const auto* name : {"a", "b", "c"}) {
    write(std::string(name) + ".crt", "x");
    write(std::string(name) + ".key", "x");
  }
  EXPECT_EQ(check().findings.size(), 6U);
}

}  // namespace
}  // namespace aralez
