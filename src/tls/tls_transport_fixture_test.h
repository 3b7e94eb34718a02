#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "support/memory_transport.h"
#include "tls/openssl_ptr.h"
#include "tls/tls_transport.h"

namespace aralez {

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
    ASSERT_THAT(client_->above.told, ::testing::ElementsAre("connected"));
    ASSERT_THAT(server_->above.told, ::testing::ElementsAre("connected"));
    loop_.set_now(loop_.now() + Millis(40));  // a ticket waits no longer
    carry();
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

}  // namespace aralez
