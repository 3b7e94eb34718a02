#pragma once

#include <optional>

#include "codec/h1/server_codec.h"
#include "codec/h2/server_codec.h"
#include "io/socket.h"
#include "proxy/client_side.h"
#include "proxy/context.h"
#include "tls/server_tls.h"
#include "tls/tls_transport.h"

namespace aralez {

/// A client with TLS: socket, TLS, and the codec that the handshake agrees on.
class TlsConnection final : public DownstreamConnection,
                            private TransportEvents,
                            private HostCheck {
 public:
  /// `handshake` is of the worker's ServerTls, which outlives this.
  TlsConnection(ProxyContext& context, ConnectionOwner& owner, const ConnectionSource& source,
                ListenerRole role, ServerHandshake handshake);

  [[nodiscard]] bool start(UniqueFd fd) override;
  void drain() override;
  void cut_off() override;
  [[nodiscard]] const SocketAddress* counted() const noexcept override { return &side_.client(); }

 private:
  // Until there is a codec, the transport tells us.
  void on_connected() override;
  void on_broken(Error e) override;
  ReadBuffer& recv_buffer() override { return none_; }
  void on_received() override {}
  void on_spliced(std::size_t) override {}
  void on_recv_end() override {}
  void on_sent(std::uint64_t, bool) override {}

  [[nodiscard]] bool covers(std::string_view host) const override { return tls_.covers(host); }

  void failed(Reason reason, std::string_view why);

  Socket socket_;
  TlsTransport tls_;
  // One of them from the end of the handshake on.
  std::optional<h1::ServerCodec> codec_;
  std::unique_ptr<h2::ServerCodec> h2_;
  ClientSide side_;
  ProxyContext& context_;
  const ListenerRole role_;
  HandshakeSlot slot_;  ///< held during the handshake
  bool draining_ = false;
  ReadBuffer none_;
};

}  // namespace aralez
