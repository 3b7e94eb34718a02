#pragma once

#include <sys/socket.h>

#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster_spec.h"
#include "io/socket.h"
#include "support/h2_frames.h"
#include "tls/self_signed.h"
#include "tls/server_contexts.h"
#include "tls/server_tls.h"

namespace aralez::testing {

/// A server in the loop of the test. What it does with the first bytes of a connection is up to the
/// test; with a TLS policy it does the handshake itself.
class Server final : private IoHandler {
 public:
  using Answer = std::function<void(std::string_view first, Transport& to)>;

  Server(Reactor& reactor, Answer answer) : reactor_(reactor), answer_(std::move(answer)) {
    auto address = SocketAddress::from_ip("127.0.0.1", 0).value();
    socklen_t length = sizeof raw_;
    if (::bind(fd_.get(), address.raw(), address.length()) != 0 || ::listen(fd_.get(), 64) != 0 ||
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&raw_), &length) != 0 ||
        !reactor.watch(fd_.get(), *this, Watch::listener))
      std::abort();
    port_ = SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw_), length).port();
  }
  Server(Reactor& reactor, AlpnOffer alpn) : Server(reactor, Answer{}) {
    std::vector<CertificateFinding> findings;
    tls_.emplace(reactor, TicketSeed::random(reactor.now()));
    tls_->adopt(ServerContexts::make({make_self_signed(std::time(nullptr))}, {.alpn = alpn},
                                     std::time(nullptr), findings));
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { reactor_.unwatch(fd_.get()); }

  /// From now on it does this instead.
  void change(Answer answer) { answer_ = std::move(answer); }
  [[nodiscard]] EndpointSpec spec(ProtocolPin pin = ProtocolPin::detect) const {
    return {.host = "127.0.0.1", .port = port_, .pin = pin, .tls = ClientContext::make({})};
  }
  /// What each connection began with: T(LS), 2 (the preface), another letter as it came, - nothing.
  [[nodiscard]] std::string greetings() const {
    std::string out;
    for (const auto& peer : peers_)
      out += peer->first.empty()             ? '-'
             : peer->first.front() == 'P'    ? '2'
             : peer->first.front() == '\x16' ? 'T'
                                             : peer->first.front();
    return out;
  }

 private:
  static constexpr Millis kHandshakeTime{10'000};

  struct Peer final : TransportEvents {
    explicit Peer(Server& s) : server(s), socket(s.reactor_, *this) {}
    Peer(Server& s, SslPtr ssl) : server(s), socket(s.reactor_, *this) {
      tls.emplace(socket, *this, std::move(ssl), kHandshakeTime);
      socket.set_events(*tls);
    }
    void on_connected() override {
      first = '\x16';
      if (tls->alpn() == "h2") tls->queue_copy(h2::settings());
    }
    ReadBuffer& recv_buffer() override { return in; }
    void on_received() override {
      first += in.text();
      in.clear();
      if (server.answer_ && !tls) server.answer_(first, socket);
    }
    void on_spliced(std::size_t) override {}
    void on_recv_end() override {}
    void on_sent(std::uint64_t, bool) override {}
    void on_broken(Error) override {}

    Server& server;
    Socket socket;
    std::optional<TlsTransport> tls;
    ReadBuffer in;
    std::string first;
  };

  void on_io(std::uint32_t) override {
    UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return;
    if (tls_ && !answer_)
      peers_.push_back(std::make_unique<Peer>(*this, std::move(tls_->accept()->ssl)));
    else
      peers_.push_back(std::make_unique<Peer>(*this));
    Peer& peer = *peers_.back();
    if (!peer.socket.adopt(std::move(fd))) std::abort();
    if (peer.tls)
      peer.tls->start();
    else
      peer.socket.start_recv();
  }

  Reactor& reactor_;
  UniqueFd fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_storage raw_{};
  std::uint16_t port_ = 0;
  Answer answer_;
  std::optional<ServerTls> tls_;
  std::vector<std::unique_ptr<Peer>> peers_;
};

}  // namespace aralez::testing
