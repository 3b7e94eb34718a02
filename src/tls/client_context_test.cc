#include "tls/client_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>

#include "tls/make_certificate_test.h"
#include "tls/server_policy.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_pair_of;

/// Contexts towards a server that is joined to them by a pair of BIOs.
class ClientContextTest : public ::testing::Test {
 protected:
  ClientContextTest() {
    char name[] = "/tmp/aralez-client-context-XXXXXX";
    folder_ = ::mkdtemp(name);
    serve("DNS:a.test,DNS:b.test,IP:127.0.0.1");
    SSL_CTX_set_alpn_select_cb(
        server_.get(),
        [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* asked,
           unsigned n, void* test) {
          static_cast<ClientContextTest*>(test)->offered_.assign(
              reinterpret_cast<const char*>(asked), n);
          *out = asked + 1;
          *size = asked[0];
          return SSL_TLSEXT_ERR_OK;
        },
        this);
  }
  ~ClientContextTest() override { std::filesystem::remove_all(folder_); }

  /// From now on the server shows a certificate for these.
  void serve(const std::string& names) {
    pair_ = make_pair_of({.names = names, .now = std::time(nullptr)});
    SSL_CTX_use_certificate(server_.get(), pair_->chain.front().get());
    SSL_CTX_use_PrivateKey(server_.get(), pair_->key.get());
  }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::string certificate() const {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), pair_->chain.front().get());
    char* at = nullptr;
    const auto n = BIO_get_mem_data(bio.get(), &at);
    return {at, static_cast<std::size_t>(n)};
  }

  /// True when the client's side of the handshake has ended well; then the server's first record
  /// has been read as well, with the tickets before it.
  bool connect(const ClientContext& context, const ClientHello& hello) {
    client_ = context.open(hello);
    accepted_.reset(SSL_new(server_.get()));
    SSL_set_accept_state(accepted_.get());
    join(accepted_.get());
    for (int i = 0; i < 8; ++i) {
      SSL_do_handshake(client_.get());
      SSL_do_handshake(accepted_.get());
    }
    char byte = 0;
    const bool whole =
        SSL_write(accepted_.get(), "x", 1) == 1 && SSL_read(client_.get(), &byte, 1) == 1;
    if (whole) SSL_shutdown(client_.get());  // else it distrusts its ticket
    ERR_clear_error();
    return whole;
  }
  /// What a peer that sends `bytes` is taken for.
  bool taken_for_tls(std::string_view bytes) {
    client_ = ClientContext::make({})->open({});
    BIO* far = nullptr;
    BIO* near = nullptr;
    BIO_new_bio_pair(&near, 0, &far, 0);
    SSL_set_bio(client_.get(), near, near);
    const BioPtr peer(far);
    SSL_do_handshake(client_.get());
    BIO_write(far, bytes.data(), static_cast<int>(bytes.size()));
    SSL_do_handshake(client_.get());
    ERR_clear_error();
    return spoke_tls(*client_);
  }

  std::filesystem::path folder_;
  SslContextPtr server_{SSL_CTX_new(TLS_server_method())};
  CertificatePairPtr pair_;
  std::string offered_;
  SslPtr client_;
  SslPtr accepted_;

 private:
  void join(SSL* server) {
    BIO* one = nullptr;
    BIO* other = nullptr;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(client_.get(), one, one);
    SSL_set_bio(server, other, other);
  }
};

TEST_F(ClientContextTest, is_the_same_as_one_that_judges_alike) {
  const auto path = file("ca", certificate());
  const auto any = ClientContext::make({})->identity();
  const auto system = ClientContext::make({.verify = true})->identity();
  const auto bundle = ClientContext::make({.verify = true, .ca_file = path})->identity();
  EXPECT_NE(any, system);
  EXPECT_NE(system, bundle);
  EXPECT_EQ(any, ClientContext::make({})->identity());
  EXPECT_EQ(bundle, ClientContext::make({.verify = true, .ca_file = path})->identity());
  serve("DNS:other.test");
  file("ca", certificate());
  EXPECT_NE(bundle, ClientContext::make({.verify = true, .ca_file = path})->identity())
      << "the file is another one";
}

TEST_F(ClientContextTest, sends_the_name_that_it_is_given_and_no_address) {
  const auto context = ClientContext::make({});
  const auto seen = [&](std::string_view name) -> std::string {
    EXPECT_TRUE(connect(*context, {.server_name = name}));
    const char* const got = SSL_get_servername(accepted_.get(), TLSEXT_NAMETYPE_host_name);
    return got ? got : "none";
  };
  EXPECT_EQ(seen("a.test"), "a.test");
  for (const auto* none : {"", "127.0.0.1", "::1"}) EXPECT_EQ(seen(none), "none") << none;
}

TEST_F(ClientContextTest, offers_the_protocols_that_will_do) {
  const auto context = ClientContext::make({});
  const auto offered = [&](ClientHello::Alpn alpn) {
    EXPECT_TRUE(connect(*context, {.alpn = alpn}));
    return offered_;
  };
  EXPECT_EQ(offered(ClientHello::Alpn::http1), "\x08http/1.1");
  EXPECT_EQ(offered(ClientHello::Alpn::any),
            "\x02h2"
            "\x08http/1.1");
  EXPECT_EQ(offered(ClientHello::Alpn::probe),
            "\x02h2"
            "\x08http/1.1"
            "\x04\r\n\r\n");
}

TEST_F(ClientContextTest, takes_any_certificate_unless_it_is_told_to_verify) {
  const auto context = ClientContext::make({});
  const std::vector<std::string> names{"other.test"};
  EXPECT_TRUE(connect(*context, {.server_name = "other.test", .names = names}));
  EXPECT_EQ(refused_certificate(*client_), "");
}

TEST_F(ClientContextTest, verifies_chain_and_name) {
  const auto context = ClientContext::make({.verify = true, .ca_file = file("ca", certificate())});
  struct Case {
    std::vector<std::string> names;
    bool good;
  };
  for (const Case& c :
       {Case{{"a.test"}, true}, Case{{"other.test", "b.test"}, true}, Case{{"other.test"}, false},
        Case{{"127.0.0.1"}, true}, Case{{"127.0.0.2"}, false}, Case{{"x.a.test"}, false}}) {
    EXPECT_EQ(connect(*context, {.names = c.names}), c.good) << c.names.back();
    EXPECT_EQ(refused_certificate(*client_).empty(), c.good) << c.names.back();
  }
  const std::vector<std::string> both{"127.0.0.2", "a.test"};
  EXPECT_TRUE(connect(*context, {.names = both})) << "an address counts only where no name does";

  const std::vector<std::string> right{"a.test"};
  serve("DNS:a.test");
  EXPECT_FALSE(connect(*context, {.names = right})) << "issued by somebody else";
  EXPECT_NE(refused_certificate(*client_), "");
  EXPECT_TRUE(spoke_tls(*client_));
}

TEST_F(ClientContextTest, trusts_nobody_by_a_bundle_that_cannot_be_read) {
  const std::vector<std::string> names{"a.test"};
  const auto context = ClientContext::make({.verify = true, .ca_file = folder_ / "none"});
  ASSERT_TRUE(context);
  EXPECT_FALSE(connect(*context, {.names = names}));
  EXPECT_NE(refused_certificate(*client_), "");
}

TEST_F(ClientContextTest, says_what_is_wrong_with_a_bundle) {
  const std::string good = certificate();
  EXPECT_EQ(check_ca_file(file("good", good)), "");
  EXPECT_EQ(check_ca_file(file("two", "text before\n" + good + good)), "");
  EXPECT_EQ(check_ca_file(folder_ / "none"), "cannot be read: No such file or directory");
  EXPECT_EQ(check_ca_file(folder_), "cannot be read: not a regular file");
  for (const std::string& text : {std::string(), std::string("\n"), std::string("rubbish\n"),
                                  good.substr(0, 200), good + good.substr(0, 200)})
    EXPECT_EQ(check_ca_file(file("bad", text)),
              "holds no certificate, or a broken one; write a file of PEM certificates")
        << text;
}

TEST_F(ClientContextTest, resumes_the_last_session) {
  const auto context = ClientContext::make({});
  ClientSession session;
  EXPECT_TRUE(connect(*context, {.session = &session}));
  EXPECT_FALSE(SSL_session_reused(client_.get()));
  ASSERT_NE(session.get(), nullptr);
  EXPECT_TRUE(connect(*context, {.session = &session}));
  EXPECT_TRUE(SSL_session_reused(client_.get()));
  EXPECT_TRUE(connect(*context, {})) << "without a place to keep one";
  EXPECT_FALSE(SSL_session_reused(client_.get()));
}

TEST_F(ClientContextTest, wants_tls_12) {
  const auto context = ClientContext::make({});
  SSL_CTX_set_max_proto_version(server_.get(), TLS1_2_VERSION);
  EXPECT_TRUE(connect(*context, {}));
  SSL_CTX_set_min_proto_version(server_.get(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(server_.get(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(server_.get(), "ALL:@SECLEVEL=0");
  EXPECT_FALSE(connect(*context, {}));
}

TEST_F(ClientContextTest, tells_a_peer_of_tls_from_others) {
  EXPECT_TRUE(taken_for_tls({"\x15\x03\x03\x00\x02\x02\x28", 7})) << "an alert";
  EXPECT_FALSE(taken_for_tls("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_FALSE(taken_for_tls("220 mail.test ESMTP\r\n"));
  EXPECT_FALSE(taken_for_tls(""));
}

/// Each group that the OpenSSL at hand has, and a server that knows no other.
TEST_F(ClientContextTest, can_be_agreed_with_on_every_usual_key_exchange) {
  const auto context = ClientContext::make({});
  std::size_t known = 0;
  for (const auto* group : {"X25519MLKEM768", "X25519", "P-256", "P-384"}) {
    if (SSL_CTX_set1_groups_list(server_.get(), group) != 1) continue;
    ++known;
    EXPECT_TRUE(connect(*context, {})) << group;
  }
  ERR_clear_error();
  EXPECT_GE(known, 3U);
}

}  // namespace
}  // namespace aralez
