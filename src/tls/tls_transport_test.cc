#include "tls/tls_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/memory_transport.h"
#include "tls/openssl_ptr.h"

namespace aralez {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MemoryTransport;

constexpr Millis kHandshakeTime{10'000};
/// TLS 1.3 whose server makes its records itself.
constexpr int kOwnRecords = TLS1_3_VERSION + 0x10000;

using ContextPtr = std::unique_ptr<SSL_CTX, OpensslFree<&SSL_CTX_free>>;

/// Takes everything down, and says what is told.
class Above final : public TransportEvents {
 public:
  void on_connected() override {
    told.emplace_back("connected");
    if (transport) transport->start_recv();
  }
  ReadBuffer& recv_buffer() override { return in; }
  void on_received() override {
    got.append(in.text());
    in.clear();
    if (stop_at > 0 && got.size() >= stop_at) transport->stop_recv();
    if (close_at > 0 && got.size() >= close_at) transport->close(Transport::CloseMode::normal);
  }
  void on_spliced(std::size_t) override { told.emplace_back("spliced"); }
  void on_recv_end() override { told.emplace_back("end"); }
  void on_sent(std::uint64_t n, bool all) override {
    credit += n;
    if (all) ++drained;
  }
  void on_broken(Error e) override {
    told.emplace_back("broken");
    error = e;
  }

  Transport* transport = nullptr;
  ReadBuffer in;
  std::string got;
  std::vector<std::string> told;
  std::uint64_t credit = 0;
  int drained = 0;
  std::size_t stop_at = 0;
  std::size_t close_at = 0;
  std::optional<Error> error;
};

/// One end: memory, TLS, receiver.
struct Side {
  Side(Loop& loop, SslPtr ssl) : lower(loop), tls(lower, above, std::move(ssl), kHandshakeTime) {
    lower.attach(tls);
    above.transport = &tls;
  }
  /// What has left and was not carried yet.
  std::string take() {
    std::string out = lower.sent().substr(carried);
    carried = lower.sent().size();
    return out;
  }
  void put(std::string_view text, Loop& loop) {
    Chain chain;
    for (; !text.empty();) {
      const BlockRef block = loop.blocks().take();
      const auto n = std::min(text.size(), BlockPool::kBlockSize);
      std::memcpy(block.bytes().data(), text.data(), n);
      tls.queue(Piece(Slice(block, block.bytes().first(n))));
      text.remove_prefix(n);
    }
  }

  MemoryTransport lower;
  Above above;
  TlsTransport tls;
  std::size_t carried = 0;
};

class TlsTransportTest : public ::testing::TestWithParam<int> {
 protected:
  TlsTransportTest() {
    const KeyPtr key(EVP_EC_gen("P-256"));
    X509Ptr cert(X509_new());
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_pubkey(cert.get(), key.get());
    X509_sign(cert.get(), key.get(), EVP_sha256());
    server_context_.reset(SSL_CTX_new(TLS_server_method()));
    client_context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_use_certificate(server_context_.get(), cert.get());
    SSL_CTX_use_PrivateKey(server_context_.get(), key.get());
    SSL_CTX_set_alpn_select_cb(
        server_context_.get(),
        [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned,
           void*) {
          *out = in + 1;
          *size = in[0];
          return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
  }
  ~TlsTransportTest() override {
    client_.reset();
    server_.reset();
    EXPECT_EQ(loop_.blocks().outstanding(), 0U);
  }

  static SslPtr make(SSL_CTX& context, bool server) {
    SslPtr ssl(SSL_new(&context));
    if (server) {
      SSL_set_accept_state(ssl.get());
    } else {
      SSL_set_connect_state(ssl.get());
      std::string name = "a.test";
      SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
    }
    return ssl;
  }
  void make_both(int version = TLS1_3_VERSION) {
    if (version == kOwnRecords) {
      TlsTransport::hand_over_secrets(*server_context_);
      version = TLS1_3_VERSION;
    }
    SSL_CTX_set_max_proto_version(client_context_.get(), version);
    client_ = std::make_unique<Side>(loop_, make(*client_context_, false));
    server_ = std::make_unique<Side>(loop_, make(*server_context_, true));
    server_->tls.start();
    client_->tls.on_connected();
  }
  void connect(int version = TLS1_3_VERSION) {
    make_both(version);
    carry();
    ASSERT_THAT(client_->above.told, ElementsAre("connected"));
    ASSERT_THAT(server_->above.told, ElementsAre("connected"));
  }
  /// One turn of the loop for both, bytes carried in pieces of `chop`; false when none moved.
  bool turn(std::size_t chop = static_cast<std::size_t>(-1)) {
    const std::string to_server = client_->take();
    const std::string to_client = server_->take();
    client_->lower.chop(chop);
    server_->lower.chop(chop);
    server_->lower.peer_sends(to_server);
    client_->lower.peer_sends(to_client);
    for (Side* side : {server_.get(), client_.get()}) {
      side->lower.turn();
      loop_.run_deferred();
    }
    loop_.finish_turn();
    return !to_server.empty() || !to_client.empty();
  }
  void carry(std::size_t chop = static_cast<std::size_t>(-1)) {
    loop_.run_deferred();
    for (int quiet = 0; quiet < 2;) quiet = turn(chop) ? 0 : quiet + 1;
  }
  /// Only the server, with these bytes of a client.
  void server_gets(std::string_view bytes) {
    server_->lower.peer_sends(bytes);
    server_->lower.turn();
    loop_.run_deferred();
  }
  static std::string pattern(std::size_t n) {
    std::string out(n, '\0');
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<char>(i * 31 + i / 251);
    return out;
  }
  /// Content types of the records in `wire`.
  static std::vector<int> records(std::string_view wire) {
    std::vector<int> out;
    while (wire.size() >= 5) {
      out.push_back(wire[0]);
      const auto n = static_cast<std::size_t>(static_cast<unsigned char>(wire[3])) << 8 |
                     static_cast<unsigned char>(wire[4]);
      wire.remove_prefix(std::min(wire.size(), 5 + n));
    }
    return out;
  }

  Loop loop_{TimePoint{}};
  ContextPtr server_context_;
  ContextPtr client_context_;
  std::unique_ptr<Side> client_;
  std::unique_ptr<Side> server_;
};

INSTANTIATE_TEST_SUITE_P(versions, TlsTransportTest,
                         ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION, kOwnRecords));

TEST_P(TlsTransportTest, a_handshake_tells_protocol_name_and_version) {
  connect(GetParam());
  EXPECT_EQ(server_->tls.alpn(), "h2");
  EXPECT_EQ(client_->tls.alpn(), "h2");
  EXPECT_EQ(server_->tls.server_name(), "a.test");
  EXPECT_EQ(server_->tls.tls_version(), GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  EXPECT_FALSE(server_->tls.handshaking());
  EXPECT_EQ(server_->tls.native() == nullptr, GetParam() == kOwnRecords);
}

TEST_P(TlsTransportTest, bytes_go_both_ways_one_at_a_time) {
  make_both(GetParam());
  carry(1);
  client_->put("question", loop_);
  server_->put("answer", loop_);
  carry(1);
  EXPECT_EQ(server_->above.got, "question");
  EXPECT_EQ(client_->above.got, "answer");
  EXPECT_EQ(client_->above.credit, 8U);
  EXPECT_EQ(client_->above.drained, 1);
}

TEST_P(TlsTransportTest, large_transfers_both_ways_at_once) {
  connect(GetParam());
  const std::string up = pattern(3'000'000);
  const std::string down = pattern(5'000'001);
  client_->put(up, loop_);
  server_->put(down, loop_);
  carry();
  EXPECT_TRUE(server_->above.got == up);
  EXPECT_TRUE(client_->above.got == down);
  EXPECT_EQ(server_->above.credit, down.size());
  EXPECT_EQ(client_->above.credit, up.size());
  EXPECT_EQ(server_->tls.output_bytes(), 0U);
}

TEST_P(TlsTransportTest, what_is_queued_before_the_handshake_leaves_after_it) {
  make_both(GetParam());
  client_->put("early", loop_);
  client_->tls.start_recv();
  carry();
  EXPECT_EQ(server_->above.got, "early");
  EXPECT_EQ(client_->above.credit, 5U);
}

TEST_P(TlsTransportTest, a_request_in_the_flight_that_ends_the_handshake_is_seen) {
  make_both(GetParam());
  client_->put("request", loop_);
  loop_.run_deferred();
  while (server_->above.got.empty()) ASSERT_TRUE(turn());
  EXPECT_EQ(server_->above.got, "request");
}

TEST_P(TlsTransportTest, head_and_body_are_one_record) {
  connect(GetParam());
  static_cast<void>(server_->take());
  server_->tls.queue_copy("head\r\n\r\n");
  server_->put(pattern(9'000), loop_);
  loop_.run_deferred();
  EXPECT_THAT(records(server_->take()), ElementsAre(23));
}

TEST_P(TlsTransportTest, small_pieces_fill_records_of_sixteen_kib) {
  connect(GetParam());
  static_cast<void>(server_->take());
  for (int i = 0; i < 8; ++i) {
    server_->tls.queue_copy("frame hdr");
    server_->put(pattern(4'000), loop_);
  }
  loop_.run_deferred();
  EXPECT_THAT(records(server_->take()), ElementsAre(23, 23));
}

TEST_P(TlsTransportTest, encrypts_no_more_than_a_little_ahead_of_a_peer_that_does_not_read) {
  connect(GetParam());
  server_->lower.peer_takes(0);
  server_->put(pattern(1'000'000), loop_);
  loop_.run_deferred();
  EXPECT_LE(server_->lower.output_bytes(), 64U * 1024 + 17 * 1024);
  EXPECT_GE(server_->tls.output_bytes(), 1'000'000U);
  EXPECT_EQ(server_->above.drained, 0);
  server_->lower.peer_takes(static_cast<std::size_t>(-1));
  carry();
  EXPECT_TRUE(client_->above.got == pattern(1'000'000));
  EXPECT_EQ(server_->above.drained, 1);
}

TEST_P(TlsTransportTest, stops_receiving_when_asked_and_goes_on_when_asked) {
  connect(GetParam());
  server_->above.stop_at = 1;
  client_->put(pattern(200'000), loop_);
  carry();
  EXPECT_LE(server_->above.got.size(), 17'000U);
  EXPECT_TRUE(server_->tls.input_waiting());
  server_->above.stop_at = 0;
  server_->tls.start_recv();
  carry();
  EXPECT_TRUE(server_->above.got == pattern(200'000));
}

TEST_P(TlsTransportTest, an_end_is_told_after_what_came_before_it) {
  connect(GetParam());
  client_->put("last", loop_);
  client_->tls.shutdown_write();
  carry();
  EXPECT_EQ(server_->above.got, "last");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
  EXPECT_TRUE(client_->lower.ended());
  // The other direction goes on.
  server_->put("still here", loop_);
  server_->tls.shutdown_write();
  carry();
  EXPECT_EQ(client_->above.got, "still here");
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, an_end_that_nobody_was_receiving_is_told_later) {
  connect(GetParam());
  server_->above.stop_at = 1;
  client_->put("last", loop_);
  client_->tls.shutdown_write();
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("connected"));
  EXPECT_TRUE(server_->tls.input_waiting());
  server_->tls.start_recv();
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, bytes_after_the_end_are_dropped) {
  connect(GetParam());
  client_->tls.shutdown_write();
  loop_.run_deferred();
  server_gets(client_->take());
  server_->tls.start_recv();
  loop_.run_deferred();
  server_gets(pattern(100'000));
  EXPECT_EQ(server_->above.got, "");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, a_client_that_just_closes_has_ended) {
  connect(GetParam());
  client_->put("request", loop_);
  carry();
  server_->lower.peer_ends();
  carry();
  EXPECT_EQ(server_->above.got, "request");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, a_server_that_just_closes_was_cut_off) {
  connect(GetParam());
  server_->put("half of an ans", loop_);
  carry();
  client_->lower.peer_ends();
  carry();
  EXPECT_EQ(client_->above.got, "half of an ans");
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
  EXPECT_EQ(client_->above.error->code, Errc::reset);
  EXPECT_EQ(client_->above.error->origin, Origin::upstream);
}

TEST_P(TlsTransportTest, a_record_cut_off_breaks_either_role) {
  connect(GetParam());
  client_->put(pattern(5'000), loop_);
  loop_.run_deferred();
  server_gets(client_->take().substr(0, 3'000));
  server_->lower.peer_ends();
  server_->lower.turn();
  EXPECT_EQ(server_->above.got, "");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "broken"));
}

TEST_P(TlsTransportTest, a_changed_byte_breaks_it_after_what_came_before) {
  connect(GetParam());
  client_->put("good", loop_);
  loop_.run_deferred();
  std::string wire = client_->take();
  client_->put("evil", loop_);
  loop_.run_deferred();
  std::string bad = client_->take();
  bad.back() = static_cast<char>(bad.back() ^ 1);
  server_gets(wire + bad);
  loop_.finish_turn();
  EXPECT_EQ(server_->above.got, "good");
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "broken"));
  EXPECT_EQ(server_->above.error->code, Errc::protocol);
  // The peer hears of it.
  client_->lower.peer_sends(server_->take());
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
}

TEST_P(TlsTransportTest, garbage_instead_of_a_handshake_is_one_error) {
  make_both(GetParam());
  using namespace std::string_view_literals;
  server_gets("\x16\x03\x01\x00\x05garbage and more of it"sv);
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->origin, Origin::downstream);
  EXPECT_EQ(server_->above.got, "");
  EXPECT_TRUE(server_->lower.closed());
}

TEST_F(TlsTransportTest, who_speaks_http_is_told_that_this_is_tls) {
  make_both();
  server_gets("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  const std::string said = server_->take();
  EXPECT_TRUE(said.starts_with("HTTP/1.1 400 ")) << said;
  const auto body = said.substr(said.find("\r\n\r\n") + 4);
  EXPECT_THAT(said, ::testing::HasSubstr("Content-Length: " + std::to_string(body.size())));
}

TEST_P(TlsTransportTest, plain_text_of_a_server_before_the_handshake_reaches_nobody) {
  make_both(GetParam());
  client_->lower.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
  client_->lower.turn();
  loop_.run_deferred();
  EXPECT_EQ(client_->above.got, "");
  EXPECT_THAT(client_->above.told, ElementsAre("broken"));
}

TEST_P(TlsTransportTest, plain_text_in_the_middle_of_a_handshake_reaches_nobody) {
  make_both(GetParam());
  loop_.run_deferred();
  server_gets(client_->take());
  const std::string flight = server_->take();
  ASSERT_GT(flight.size(), 200U);
  for (const std::size_t at : {flight.size() / 2, flight.size()}) {
    Side client(loop_, make(*client_context_, false));
    client.tls.on_connected();
    client.lower.peer_sends(flight.substr(0, at) + "HTTP/1.1 200 OK\r\n\r\n");
    client.lower.turn();
    loop_.run_deferred();
    EXPECT_EQ(client.above.got, "");
  }
}

TEST_P(TlsTransportTest, an_end_in_the_middle_of_a_handshake_is_an_error) {
  make_both(GetParam());
  loop_.run_deferred();
  server_gets(client_->take().substr(0, 50));
  server_->lower.peer_ends();
  server_->lower.turn();
  loop_.run_deferred();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->code, Errc::eof);
}

TEST_P(TlsTransportTest, a_reset_is_passed_on_at_any_time) {
  make_both(GetParam());
  client_->lower.peer_breaks();
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("broken"));
  connect(GetParam());
  client_->lower.peer_breaks();
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
}

TEST_F(TlsTransportTest, a_handshake_has_a_deadline) {
  make_both();
  loop_.run_deferred();
  server_gets(client_->take().substr(0, 10));
  loop_.set_now(TimePoint{} + kHandshakeTime + Millis(20));
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->code, Errc::timeout);
}

TEST_F(TlsTransportTest, a_refusal_tells_the_peer_why) {
  SSL_CTX_set_min_proto_version(server_context_.get(), TLS1_3_VERSION);
  make_both(TLS1_2_VERSION);
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->what, "unsupported protocol");
  EXPECT_EQ(client_->above.error->what, "tlsv1 alert protocol version");
}

TEST_F(TlsTransportTest, the_alert_of_a_peer_that_does_not_read_is_given_up) {
  SSL_CTX_set_min_proto_version(server_context_.get(), TLS1_3_VERSION);
  make_both(TLS1_2_VERSION);
  server_->lower.peer_takes(0);
  loop_.run_deferred();
  server_gets(client_->take());
  EXPECT_THAT(server_->above.told, IsEmpty());
  loop_.set_now(TimePoint{} + Millis(1'100));
  loop_.finish_turn();
  EXPECT_THAT(server_->above.told, ElementsAre("broken"));
  EXPECT_EQ(server_->above.error->what, "unsupported protocol");
}

TEST_P(TlsTransportTest, a_normal_close_says_goodbye) {
  connect(GetParam());
  server_->tls.close(Transport::CloseMode::normal);
  client_->lower.peer_sends(server_->take());
  client_->lower.peer_ends();
  client_->lower.turn();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "end"));
}

TEST_P(TlsTransportTest, an_abort_says_nothing) {
  connect(GetParam());
  static_cast<void>(server_->take());
  server_->tls.close(Transport::CloseMode::abort);
  EXPECT_EQ(server_->take(), "");
  EXPECT_EQ(server_->lower.closed(), Transport::CloseMode::abort);
}

TEST_P(TlsTransportTest, may_be_closed_by_whoever_receives) {
  connect(GetParam());
  server_->above.close_at = 1;
  client_->put(pattern(100'000), loop_);
  loop_.run_deferred();
  server_gets(client_->take());
  EXPECT_LE(server_->above.got.size(), 17'000U);
  EXPECT_TRUE(server_->lower.closed());
  EXPECT_THAT(server_->above.told, ElementsAre("connected"));
}

TEST_P(TlsTransportTest, idle_connections_hold_no_block) {
  connect(GetParam());
  client_->put("x", loop_);
  server_->put("y", loop_);
  carry();
  EXPECT_EQ(loop_.blocks().outstanding(), 0U);
}

TEST_P(TlsTransportTest, key_updates_of_the_peer_are_followed) {
  if (GetParam() == TLS1_2_VERSION) return;
  connect(GetParam());
  ASSERT_EQ(SSL_key_update(client_->tls.native(), SSL_KEY_UPDATE_REQUESTED), 1);
  client_->put("after", loop_);
  carry();
  server_->put("too", loop_);
  carry();
  EXPECT_EQ(server_->above.got, "after");
  EXPECT_EQ(client_->above.got, "too");
}

TEST_F(TlsTransportTest, renegotiation_is_refused_and_the_connection_goes_on) {
  connect(TLS1_2_VERSION);
  EXPECT_EQ(SSL_renegotiate(client_->tls.native()), 0);
}

/// A file of a few bytes.
class FileBytes final : public KernelBytes {
 public:
  explicit FileBytes(std::string_view text) : KernelBytes(::memfd_create("test", 0)) {
    EXPECT_EQ(::write(fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  ~FileBytes() override { ::close(fd()); }

 private:
  void consumed(std::size_t) override {}
  void release() noexcept override { delete this; }
};

TEST_P(TlsTransportTest, files_are_read_into_records) {
  connect(GetParam());
  const std::string text = pattern(50'000);
  server_->tls.queue_copy("head");
  server_->tls.queue(Piece::file(KernelRef(new FileBytes(text)), 10, text.size() - 20));
  carry();
  EXPECT_TRUE(client_->above.got == "head" + text.substr(10, text.size() - 20));
  EXPECT_EQ(server_->above.credit, text.size() - 20);
}

TEST_P(TlsTransportTest, a_file_that_became_shorter_breaks_the_connection) {
  connect(GetParam());
  server_->tls.queue(Piece::file(KernelRef(new FileBytes("short")), 0, 100));
  carry();
  EXPECT_THAT(server_->above.told, ElementsAre("connected", "broken"));
  client_->lower.peer_ends();
  carry();
  EXPECT_THAT(client_->above.told, ElementsAre("connected", "broken"));
}

}  // namespace
}  // namespace aralez
