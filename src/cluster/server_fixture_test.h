#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/cluster_spec.h"
#include "io/socket.h"
#include "support/h2_frames.h"
#include "tls/self_signed.h"
#include "tls/server_contexts.h"
#include "tls/server_tls.h"

namespace aralez::testing {

/// What a server makes of the first bytes of a connection.
using Script = std::function<void(std::string_view first, Transport& to)>;

/// A server of one protocol on the loop of the test, which remembers how its clients began.
class Server final : private IoHandler {
 public:
  Server(Reactor& reactor, Script script) : Server(reactor) { script_ = std::move(script); }
  /// Speaks TLS, and HTTP/2 to who agrees on it.
  Server(Reactor& reactor, AlpnOffer offer) : Server(reactor) {
    std::vector<CertificateFinding> findings;
    const std::time_t now = std::time(nullptr);
    tls_ = std::make_unique<ServerTls>(reactor, TicketSeed::random(reactor.now()));
    tls_->adopt(ServerContexts::make({make_self_signed(now)}, {.alpn = offer}, now, findings));
  }

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { reactor_.unwatch(listener_.get()); }

  /// Of connections from now on.
  void change(Script script) {
    tls_using_ = false;
    script_ = std::move(script);
  }
  [[nodiscard]] EndpointSpec spec(ProtocolPin pin = ProtocolPin::detect) const {
    return {.host = "127.0.0.1", .port = port_, .pin = pin, .tls = ClientContext::make({})};
  }
  /// One letter for each connection so far: T for TLS, 2 for the preface of HTTP/2, - for nothing.
  [[nodiscard]] std::string greetings() {
    for (int i = 0; i < 3; ++i)
      reactor_.turn(Millis(0));  // what has connected was not accepted yet
    std::string out;
    for (const auto& guest : guests_) out += guest->greeting;
    return out;
  }

 private:
  struct Guest final : TransportEvents {
    explicit Guest(Server& server) : socket(server.reactor_, *this), script(server.script_) {}

    void on_connected() override {
      if (tls->alpn() == "h2") tls->queue_copy(h2::settings());
      slot.release();
      tls->start_recv();
    }
    ReadBuffer& recv_buffer() override { return in; }
    void on_received() override {
      const std::string first(in.text());
      in.clear();
      if (tls || greeting != '-') return;
      greeting = first.front() == '\x16' ? 'T' : first.starts_with("PRI") ? '2' : '?';
      script(first, socket);
    }
    void on_spliced(std::size_t) override {}
    void on_recv_end() override {
      if (tls) return tls->close(Transport::CloseMode::normal);
      socket.close(Transport::CloseMode::normal);
    }
    void on_sent(std::uint64_t, bool) override {}
    void on_broken(Error) override {}

    Socket socket;
    std::optional<TlsTransport> tls;
    HandshakeSlot slot;
    ReadBuffer in;
    Script script;
    char greeting = '-';
  };

  explicit Server(Reactor& reactor) : reactor_(reactor) {
    const auto any = SocketAddress::from_ip("127.0.0.1", 0).value();
    sockaddr_storage raw{};
    socklen_t length = sizeof raw;
    const bool listens =
        ::bind(listener_.get(), any.raw(), any.length()) == 0 &&
        ::listen(listener_.get(), 64) == 0 &&
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&raw), &length) == 0 &&
        reactor.watch(listener_.get(), *this, Watch::listener);
    if (!listens) std::abort();
    port_ = SocketAddress::from_raw(reinterpret_cast<sockaddr*>(&raw), length).port();
  }

  void on_io(std::uint32_t) override {
    while (true) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) return;
      welcome(std::move(fd));
    }
  }
  void welcome(UniqueFd fd) {
    Guest& guest = *guests_.emplace_back(std::make_unique<Guest>(*this));
    if (tls_ && tls_using_) {
      auto handshake = tls_->accept();
      if (!handshake) std::abort();
      guest.greeting = 'T';
      guest.slot = std::move(handshake->slot);
      guest.tls.emplace(guest.socket, guest, std::move(handshake->ssl), Millis{0});
      guest.socket.set_events(*guest.tls);
    }
    if (!guest.socket.adopt(std::move(fd))) std::abort();
    if (guest.tls)
      guest.tls->start();
    else
      guest.socket.start_recv();
  }

  Reactor& reactor_;
  Script script_;
  std::unique_ptr<ServerTls> tls_;
  bool tls_using_ = true;
  std::uint16_t port_ = 0;
  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  std::vector<std::unique_ptr<Guest>> guests_;
};

}  // namespace aralez::testing
