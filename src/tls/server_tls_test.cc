#include "tls/server_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/limits.h"
#include "tls/make_certificate_test.h"
#include "tls/server_contexts.h"

namespace aralez {
namespace {

using testing::CertificateSpec;
using testing::KeyKind;
using testing::make_pair_of;
using SessionPtr = std::unique_ptr<SSL_SESSION, OpensslFree<&SSL_SESSION_free>>;

/// A client and a worker's TLS, joined by a pair of BIOs.
class ServerTlsTest : public ::testing::TestWithParam<int> {
 protected:
  struct Outcome {
    bool done = false;
    bool resumed = false;
    std::string names;     ///< of the certificate that was shown
    std::string protocol;  ///< by ALPN
    std::string cipher;
    std::string server_name;  ///< as the server has it
    std::string group;        ///< of the key exchange, in lower case
    int key = 0;
  };
  struct Ask {
    std::string name = {};
    SSL_SESSION* session = nullptr;
    const char* ciphers = nullptr;
    const char* groups = nullptr;
    std::string alpn = {};
  };

  std::shared_ptr<const ServerContexts> contexts(const std::vector<CertificateSpec>& specs,
                                                 ServerPolicy policy = {}) {
    std::vector<CertificatePairPtr> pairs;
    for (auto spec : specs) {
      spec.now = std::time(nullptr);
      pairs.push_back(make_pair_of(spec));
    }
    std::vector<CertificateFinding> findings;
    return ServerContexts::make(pairs, policy, std::time(nullptr), findings);
  }

  Outcome handshake(ServerTls& server, const Ask& ask) {
    const SslContextPtr context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context.get(), GetParam());
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_set_ex_data(context.get(), 0, this);
    SSL_CTX_sess_set_new_cb(context.get(), [](SSL* s, SSL_SESSION* session) {
      static_cast<ServerTlsTest*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(s), 0))
          ->session_.reset(session);
      return 1;
    });
    if (ask.ciphers) SSL_CTX_set_cipher_list(context.get(), ask.ciphers);
    if (ask.groups) SSL_CTX_set1_groups_list(context.get(), ask.groups);
    const SslPtr client(SSL_new(context.get()));
    auto begun = server.accept();
    if (!begun) return {};
    const SslPtr accepted = std::move(begun->ssl);
    if (!ask.alpn.empty())
      SSL_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(ask.alpn.data()),
                          static_cast<unsigned>(ask.alpn.size()));
    std::string name = ask.name;
    if (!name.empty())
      SSL_ctrl(client.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (ask.session) SSL_set_session(client.get(), ask.session);
    SSL_set_connect_state(client.get());
    BIO* one = nullptr;
    BIO* other = nullptr;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(client.get(), one, one);
    SSL_set_bio(accepted.get(), other, other);
    Outcome out;
    for (int i = 0; i < 20 && !out.done; ++i) {
      const int a = SSL_do_handshake(client.get());
      const int b = SSL_do_handshake(accepted.get());
      out.done = a == 1 && b == 1;
    }
    if (!out.done) return out;
    char byte = 0;
    EXPECT_EQ(SSL_read(client.get(), &byte, 1), -1) << "takes the tickets";
    out.resumed = SSL_session_reused(accepted.get()) == 1;
    if (const X509* shown = SSL_get0_peer_certificate(client.get())) {
      for (const auto& n : names_of(*const_cast<X509*>(shown))) out.names += n + " ";
      out.key = EVP_PKEY_get_base_id(X509_get0_pubkey(shown));
    }
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client.get(), &protocol, &size);
    out.protocol.assign(reinterpret_cast<const char*>(protocol), size);
    out.cipher = SSL_get_cipher_name(client.get());
    const auto group = static_cast<int>(SSL_get_negotiated_group(client.get()));
    if (const char* n = SSL_group_to_name(client.get(), group)) out.group = lower(n);
    if (const char* n = SSL_get_servername(accepted.get(), TLSEXT_NAMETYPE_host_name))
      out.server_name = n;
    SSL_shutdown(client.get());  // else it distrusts its ticket
    return out;
  }

  Loop loop_{TimePoint{}};
  TicketSeed seed_ = TicketSeed::random(TimePoint{});
  SessionPtr session_;
};

INSTANTIATE_TEST_SUITE_P(versions, ServerTlsTest,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(ServerTlsTest, has_nothing_to_accept_with_before_it_has_certificates) {
  ServerTls server(loop_, seed_);
  EXPECT_FALSE(server.accept());
}

TEST_P(ServerTlsTest, shows_the_certificate_of_the_name) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}, {.names = "DNS:*.b.test"}}));
  EXPECT_EQ(handshake(server, {.name = "X.b.test"}).names, "*.b.test ");
  EXPECT_EQ(handshake(server, {.name = "X.b.test"}).server_name, "X.b.test");
  EXPECT_EQ(handshake(server, {.name = "a.test"}).names, "a.test ");
  EXPECT_EQ(handshake(server, {}).names, "a.test ");
}

TEST_P(ServerTlsTest, new_certificates_count_from_the_next_handshake_on) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  EXPECT_EQ(handshake(server, {.name = "b.test"}).names, "a.test ");
  server.adopt(contexts({{.names = "DNS:a.test"}, {.names = "DNS:b.test"}}));
  EXPECT_EQ(handshake(server, {.name = "b.test"}).names, "b.test ");
}

TEST_P(ServerTlsTest, a_handshake_under_way_outlives_its_certificates) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  const SslPtr before = std::move(server.accept()->ssl);
  server.adopt(contexts({{.names = "DNS:a.test"}, {.names = "DNS:b.test"}}));
  EXPECT_NE(SSL_get_SSL_CTX(before.get()), nullptr);
  EXPECT_TRUE(handshake(server, {.name = "a.test"}).done);
}

TEST_F(ServerTlsTest, begins_only_so_many_handshakes_at_a_time) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  std::vector<ServerHandshake> all;
  while (auto one = server.accept()) all.push_back(std::move(*one));
  EXPECT_EQ(all.size(), Limits::kMaxHandshakes);
  all.front().slot.release();
  EXPECT_TRUE(server.accept());
  all.pop_back();
  EXPECT_TRUE(server.accept());
}

TEST_P(ServerTlsTest, clients_of_either_kind_of_key_get_theirs) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}, {.names = "DNS:a.test", .kind = KeyKind::rsa}}));
  if (GetParam() == TLS1_3_VERSION) return;  // there the client says it by signature algorithms
  EXPECT_EQ(handshake(server, {.name = "a.test", .ciphers = "aRSA"}).key, EVP_PKEY_RSA);
  EXPECT_EQ(handshake(server, {.name = "a.test", .ciphers = "aECDSA"}).key, EVP_PKEY_EC);
}

TEST_P(ServerTlsTest, tickets_are_good_on_every_worker) {
  ServerTls one(loop_, seed_);
  ServerTls other(loop_, seed_);
  for (ServerTls* s : {&one, &other}) s->adopt(contexts({{.names = "DNS:a.test"}}));
  EXPECT_FALSE(handshake(one, {.name = "a.test"}).resumed);
  ASSERT_NE(session_, nullptr);
  const SessionPtr ticket = std::move(session_);
  const auto again = handshake(other, {.name = "a.test", .session = ticket.get()});
  EXPECT_TRUE(again.resumed);
  EXPECT_EQ(again.server_name, "a.test");
}

TEST_P(ServerTlsTest, a_process_does_not_take_tickets_of_another) {
  ServerTls one(loop_, seed_);
  ServerTls other(loop_, TicketSeed::random(TimePoint{}));
  for (ServerTls* s : {&one, &other}) s->adopt(contexts({{.names = "DNS:a.test"}}));
  EXPECT_TRUE(handshake(one, {.name = "a.test"}).done);
  const SessionPtr ticket = std::move(session_);
  const auto again = handshake(other, {.name = "a.test", .session = ticket.get()});
  EXPECT_TRUE(again.done);
  EXPECT_FALSE(again.resumed);
}

/// Threats row 22: a ticket of one virtual host opens no other.
TEST_P(ServerTlsTest, tickets_are_bound_to_the_virtual_host) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test,DNS:also-a.test"}, {.names = "DNS:b.test"}}));
  EXPECT_TRUE(handshake(server, {.name = "a.test"}).done);
  const SessionPtr ticket = std::move(session_);
  const auto elsewhere = handshake(server, {.name = "b.test", .session = ticket.get()});
  EXPECT_TRUE(elsewhere.done);
  EXPECT_FALSE(elsewhere.resumed);
  EXPECT_EQ(elsewhere.names, "b.test ");
  EXPECT_TRUE(handshake(server, {.name = "a.test", .session = ticket.get()}).resumed);
}

TEST_P(ServerTlsTest, tickets_are_bound_to_the_grade) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}, {.grade = TlsGrade::unsafe}));
  EXPECT_TRUE(handshake(server, {.name = "a.test"}).done);
  const SessionPtr ticket = std::move(session_);
  server.adopt(contexts({{.names = "DNS:a.test"}}, {.grade = TlsGrade::high}));
  EXPECT_FALSE(handshake(server, {.name = "a.test", .session = ticket.get()}).resumed);
}

TEST_P(ServerTlsTest, a_renewed_certificate_takes_the_tickets_of_the_one_before) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  EXPECT_TRUE(handshake(server, {.name = "a.test"}).done);
  const SessionPtr ticket = std::move(session_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  EXPECT_TRUE(handshake(server, {.name = "a.test", .session = ticket.get()}).resumed);
}

TEST_P(ServerTlsTest, the_ticket_key_changes_and_the_one_before_still_opens) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  EXPECT_TRUE(handshake(server, {.name = "a.test"}).done);
  const SessionPtr ticket = std::move(session_);
  loop_.set_now(TimePoint{} + TicketKeys::kPeriod + Millis(1));
  EXPECT_TRUE(handshake(server, {.name = "a.test", .session = ticket.get()}).resumed);
  // A client of TLS 1.2 puts it into the session that it has.
  if (GetParam() == TLS1_3_VERSION) {
    EXPECT_NE(session_, nullptr) << "and a ticket of the new key comes with it";
  }
  loop_.set_now(TimePoint{} + 2 * TicketKeys::kPeriod + Millis(1));
  EXPECT_FALSE(handshake(server, {.name = "a.test", .session = ticket.get()}).resumed);
}

TEST_P(ServerTlsTest, the_server_says_which_protocol_comes_first) {
  ServerTls server(loop_, seed_);
  const std::string both = "\x08http/1.1\x02h2";
  server.adopt(contexts({{.names = "DNS:a.test"}}, {.alpn = AlpnOffer::http2}));
  EXPECT_EQ(handshake(server, {.name = "a.test", .alpn = both}).protocol, "h2");
  EXPECT_EQ(handshake(server, {.name = "a.test", .alpn = "\x08http/1.1"}).protocol, "http/1.1");
  server.adopt(contexts({{.names = "DNS:a.test"}}, {.alpn = AlpnOffer::http1}));
  EXPECT_EQ(handshake(server, {.name = "a.test", .alpn = both}).protocol, "http/1.1");
}

TEST_P(ServerTlsTest, a_protocol_that_is_not_spoken_is_ignored) {
  ServerTls server(loop_, seed_);
  server.adopt(contexts({{.names = "DNS:a.test"}}));
  const auto r = handshake(server, {.name = "a.test", .alpn = "\x04spdy"});
  EXPECT_TRUE(r.done);
  EXPECT_EQ(r.protocol, "");
}

/// Also with a client that has it and sends a share of another first.
TEST_P(ServerTlsTest, the_hybrid_of_ml_kem_goes_first_where_openssl_has_it) {
  if (GetParam() != TLS1_3_VERSION) return;  // it is for that alone
  const SslContextPtr any(SSL_CTX_new(TLS_method()));
  const bool there = SSL_CTX_set1_groups_list(any.get(), "X25519MLKEM768") == 1;
  ERR_clear_error();
  const char* const both = there ? "X25519:X25519MLKEM768" : "P-256:X25519";
  for (const TlsGrade grade : {TlsGrade::high, TlsGrade::medium, TlsGrade::unsafe}) {
    ServerTls server(loop_, seed_);
    server.adopt(contexts({{.names = "DNS:a.test"}}, {.grade = grade}));
    EXPECT_EQ(handshake(server, {.name = "a.test"}).group, there ? "x25519mlkem768" : "x25519");
    EXPECT_EQ(handshake(server, {.groups = both}).group, there ? "x25519mlkem768" : "secp256r1");
    EXPECT_EQ(handshake(server, {.groups = "P-256"}).group, "secp256r1");
  }
}

TEST_P(ServerTlsTest, weak_suites_are_for_unsafe_only) {
  if (GetParam() == TLS1_3_VERSION) return;
  ServerTls server(loop_, seed_);
  const Ask weak{.name = "b.test", .ciphers = "AES128-SHA:@SECLEVEL=0"};
  for (const TlsGrade grade : {TlsGrade::high, TlsGrade::medium, TlsGrade::unsafe}) {
    server.adopt(contexts({{.names = "DNS:a.test"}, {.names = "DNS:b.test", .kind = KeyKind::rsa}},
                          {.grade = grade}));
    EXPECT_EQ(handshake(server, weak).done, grade == TlsGrade::unsafe);
  }
}

TEST(TicketKeys, are_equal_for_equal_seeds_in_every_period) {
  const TicketSeed seed = TicketSeed::random(TimePoint{});
  TicketKeys one(seed);
  TicketKeys other(seed);
  const auto first = one.current(TimePoint{}).name;
  for (int i = 0; i < 5; ++i) {
    const TimePoint now = TimePoint{} + i * TicketKeys::kPeriod;
    const auto& key = one.current(now);
    if (i == 4) {  // the other slept through some
      EXPECT_EQ(other.current(now).name, key.name);
      EXPECT_EQ(other.current(now).cipher, key.cipher);
      EXPECT_EQ(other.current(now).mac, key.mac);
      EXPECT_EQ(other.find(first, now).key, nullptr);
    }
  }
  EXPECT_NE(one.current(TimePoint{} + 4 * TicketKeys::kPeriod).name, first);
}

}  // namespace
}  // namespace aralez
