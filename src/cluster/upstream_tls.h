#pragma once

#include <memory>
#include <optional>

#include "cluster/connection_group.h"
#include "cluster/upstream_connection.h"
#include "codec/h2/client_codec.h"
#include "tls/tls_transport.h"

namespace aralez {

struct Codecs {
  h1::HeadScratch& h1;
  h2::Shared& h2;
};

/// HTTP over TLS. Which HTTP is known when the handshake is over.
class UpstreamTls final : public UpstreamConnection,
                          private TransportEvents,
                          private h1::ClientEvents,
                          private h2::ClientEvents {
 public:
  UpstreamTls(Reactor& reactor, EndpointPool& pool, ConnectionGroup& group, SslPtr ssl,
              const Codecs& codecs);

  [[nodiscard]] bool response_started() const noexcept override {
    return h1_ && h1_->response_started();
  }
  [[nodiscard]] bool has_room() const noexcept override { return !h2_ || h2_->has_room(); }
  [[nodiscard]] std::size_t requests() const noexcept override { return h2_ ? h2_->streams() : 0; }
  void close() override;

 private:
  [[nodiscard]] Result<void> start(const SocketAddress& to) override { return socket_.connect(to); }
  [[nodiscard]] Stream& open_on_codec(StreamEvents& events) override {
    return h2_ ? h2_->open_stream(events) : h1_->open_stream(events);
  }
  [[nodiscard]] bool greeting() const noexcept override { return tls_.handshaking() || h2_; }

  // Of the handshake; later events go to the codec. The two codecs tell the same by different
  // names.
  void on_connected() override;
  ReadBuffer& recv_buffer() override { return unused_; }
  void on_received() override {}
  void on_spliced(std::size_t) override {}
  void on_recv_end() override {}
  void on_sent(std::uint64_t, bool) override {}
  void on_broken(Error e) override;

  void on_ready() override { opened(UpstreamProtocol::tls_h2); }
  void on_reusable() override { reusable(); }
  void on_idle() override { reusable(); }
  void on_draining() override { draining(); }
  void on_closed(Error why) override;

  [[nodiscard]] ConnectionFacts& facts() noexcept override { return facts_; }

  Codecs codecs_;
  Socket socket_;
  TlsTransport tls_;
  std::optional<h1::ClientCodec> h1_;  ///< one of the two, after the handshake
  std::unique_ptr<h2::ClientCodec> h2_;
  ReadBuffer unused_;
  ConnectionFacts facts_;
};

}  // namespace aralez
