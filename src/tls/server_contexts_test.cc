#include "tls/server_contexts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/make_certificate_test.h"
#include "tls/self_signed.h"

namespace aralez {
namespace {

using namespace std::string_view_literals;
using testing::CertificateSpec;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kDay;
using testing::KeyKind;
using testing::kNow;
using testing::make_pair_of;

class ServerContextsTest : public ::testing::Test {
 protected:
  void serve(const std::vector<CertificateSpec>& specs, TlsGrade grade = TlsGrade::medium) {
    pairs_.clear();
    for (const auto& spec : specs) pairs_.push_back(make_pair_of(spec));
    contexts_ = ServerContexts::make(pairs_, {.grade = grade}, kNow, findings_);
  }
  /// File names of the certificates that a client asking for `name` may get.
  std::string served(std::string_view name) {
    std::string out;
    SSL_CTX& context = contexts_->select(name);
    for (long r = SSL_CTX_set_current_cert(&context, SSL_CERT_SET_FIRST); r == 1;
         r = SSL_CTX_set_current_cert(&context, SSL_CERT_SET_NEXT))
      for (const auto& pair : pairs_)
        if (SSL_CTX_get0_certificate(&context) == &pair->leaf()) out += pair->name + " ";
    return out;
  }

  std::vector<CertificatePairPtr> pairs_;
  std::vector<CertificateFinding> findings_;
  std::shared_ptr<const ServerContexts> contexts_;
};

TEST_F(ServerContextsTest, exact_names_go_before_wildcards_and_the_first_file_is_the_default) {
  serve({{.file = "1", .names = "DNS:default.test"},
         {.file = "2", .names = "DNS:*.b.test"},
         {.file = "3", .names = "DNS:www.b.test,DNS:b.test"}});
  EXPECT_EQ(served("www.b.test"), "3 ");
  EXPECT_EQ(served("b.test"), "3 ");
  EXPECT_EQ(served("other.b.test"), "2 ");
  EXPECT_EQ(served("unknown.test"), "1 ");
  EXPECT_EQ(served(""), "1 ");
}

TEST_F(ServerContextsTest, a_wildcard_stands_for_one_label) {
  serve({{.file = "1", .names = "DNS:default.test"}, {.file = "2", .names = "DNS:*.b.test"}});
  EXPECT_EQ(served("a.b.b.test"), "1 ");
  EXPECT_EQ(served("b.test"), "1 ");
  EXPECT_EQ(served(".b.test"), "2 ");  // no name of DNS, and no harm
}

TEST_F(ServerContextsTest, letters_match_in_any_case_and_a_last_dot_is_nothing) {
  serve({{.file = "1", .names = "DNS:default.test"}, {.file = "2", .names = "DNS:WWW.b.TEST"}});
  EXPECT_EQ(served("wWw.B.test"), "2 ");
  EXPECT_EQ(served("www.b.test."), "2 ");
}

TEST_F(ServerContextsTest, any_bytes_may_be_asked_for) {
  serve({{.file = "1", .names = "DNS:default.test"}, {.file = "2", .names = "DNS:b.test"}});
  EXPECT_EQ(served("b.test\0.evil"sv), "1 ");
  EXPECT_EQ(served("b.test\0"sv), "1 ");
  EXPECT_EQ(served(std::string(70'000, 'b')), "1 ");
  EXPECT_EQ(served("\xff\xfe.."), "1 ");
}

TEST_F(ServerContextsTest, common_names_count_as_well) {
  serve({{.file = "1", .names = "DNS:default.test"},
         {.file = "2", .names = "DNS:b.test", .common_name = "C.test"}});
  EXPECT_EQ(served("c.test"), "2 ");
}

TEST_F(ServerContextsTest, a_name_with_a_nul_in_it_names_nobody) {
  const auto pair = make_pair_of({.names = "DNS:good.test", .common_name = "bank.test\0.evil"});
  EXPECT_THAT(names_of(pair->leaf()), ElementsAre("good.test", "bank.test"))
      << "a literal ends at its NUL";
  const auto evil =
      make_pair_of({.names = "DNS:good.test", .common_name = std::string("bank.test\0.evil", 15)});
  EXPECT_THAT(names_of(evil->leaf()), ElementsAre("good.test"));
}

TEST_F(ServerContextsTest, both_kinds_of_keys_are_served_for_one_name) {
  serve({{.file = "ec", .names = "DNS:b.test,DNS:only-ec.test"},
         {.file = "rsa", .names = "DNS:b.test", .kind = KeyKind::rsa}});
  EXPECT_THAT(served("b.test"), ::testing::AllOf(HasSubstr("ec "), HasSubstr("rsa ")));
  EXPECT_EQ(served("only-ec.test"), "ec ");
}

TEST_F(ServerContextsTest, a_wildcard_helps_out_with_the_other_kind_of_key) {
  serve({{.file = "ec", .names = "DNS:www.b.test"},
         {.file = "rsa", .names = "DNS:*.b.test", .kind = KeyKind::rsa}});
  EXPECT_THAT(served("www.b.test"), ::testing::AllOf(HasSubstr("ec "), HasSubstr("rsa ")));
  EXPECT_EQ(served("x.b.test"), "rsa ");
}

TEST_F(ServerContextsTest, of_two_for_a_name_the_valid_and_then_the_newer_is_served) {
  serve({{.file = "1", .names = "DNS:b.test", .from = -9 * kDay},
         {.file = "2", .names = "DNS:b.test", .from = -2 * kDay},
         {.file = "3", .names = "DNS:b.test", .from = -4 * kDay},
         {.file = "4", .names = "DNS:b.test", .from = -1 * kDay, .until = -10},
         {.file = "5", .names = "DNS:b.test", .from = kDay, .until = 2 * kDay}});
  EXPECT_EQ(served("b.test"), "2 ");
  EXPECT_EQ(served("other.test"), "1 ") << "the default is the first file whatever its names";
}

TEST_F(ServerContextsTest, a_key_too_weak_for_the_grade_is_a_finding) {
  const std::vector<CertificateSpec> specs{
      {.file = "1", .names = "DNS:b.test", .kind = KeyKind::rsa, .rsa_bits = 1024},
      {.file = "2", .names = "DNS:c.test"}};
  serve(specs, TlsGrade::high);
  ASSERT_EQ(findings_.size(), 1U);
  EXPECT_EQ(findings_[0].file, "1.crt");
  EXPECT_THAT(findings_[0].what, HasSubstr("ee key too small"));
  EXPECT_EQ(served("b.test"), "2 ");
  findings_.clear();
  serve(specs, TlsGrade::unsafe);
  EXPECT_THAT(findings_, IsEmpty());
  EXPECT_EQ(served("b.test"), "1 ");
}

TEST_F(ServerContextsTest, nothing_is_made_of_nothing) {
  serve({});
  EXPECT_EQ(contexts_, nullptr);
}

std::string ciphers_of(const SSL_CTX& context) {
  std::string out;
  STACK_OF(SSL_CIPHER)* list = SSL_CTX_get_ciphers(&context);
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i) {
    const SSL_CIPHER* c = sk_SSL_CIPHER_value(list, i);
    out.append(SSL_CIPHER_get_name(c)).append(" ");
  }
  return out;
}

/// Defect 16 of the original: the grade counted only for handshakes that matched no name.
TEST_F(ServerContextsTest, the_grade_is_the_same_for_every_name) {
  for (const TlsGrade grade : {TlsGrade::high, TlsGrade::medium, TlsGrade::unsafe}) {
    serve({{.file = "1", .names = "DNS:a.test"}, {.file = "2", .names = "DNS:*.b.test"}}, grade);
    const std::string reference = ciphers_of(contexts_->fallback());
    for (const auto* name : {"a.test", "x.b.test", "unknown"}) {
      SSL_CTX& context = contexts_->select(name);
      EXPECT_EQ(ciphers_of(context), reference);
      EXPECT_EQ(SSL_CTX_get_min_proto_version(&context),
                grade == TlsGrade::unsafe ? TLS1_VERSION : TLS1_2_VERSION);
    }
  }
}

TEST_F(ServerContextsTest, high_has_forward_secrecy_and_aead_only) {
  serve({{}}, TlsGrade::high);
  STACK_OF(SSL_CIPHER)* list = SSL_CTX_get_ciphers(&contexts_->fallback());
  ASSERT_GT(sk_SSL_CIPHER_num(list), 3);
  for (int i = 0; i < sk_SSL_CIPHER_num(list); ++i) {
    const SSL_CIPHER* c = sk_SSL_CIPHER_value(list, i);
    EXPECT_EQ(SSL_CIPHER_is_aead(c), 1) << SSL_CIPHER_get_name(c);
    const int exchange = SSL_CIPHER_get_kx_nid(c);
    EXPECT_TRUE(exchange == NID_kx_ecdhe || exchange == NID_kx_any) << SSL_CIPHER_get_name(c);
  }
}

TEST(SelfSigned, is_good_for_localhost_now) {
  const auto pair = make_self_signed(kNow);
  ASSERT_NE(pair, nullptr);
  EXPECT_THAT(names_of(pair->leaf()), ElementsAre("localhost"));
  std::time_t now = kNow;
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(&pair->leaf()), &now), 0);
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(&pair->leaf()), &now), 0);
  EXPECT_EQ(X509_verify(&pair->leaf(), pair->key.get()), 1);
}

}  // namespace
}  // namespace aralez
