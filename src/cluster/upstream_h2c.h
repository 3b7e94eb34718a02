#pragma once

#include "cluster/connection_group.h"
#include "cluster/upstream_connection.h"
#include "codec/h2/client_codec.h"

namespace aralez {

/// HTTP/2 over TCP without TLS, by prior knowledge. Open when the server has shown that it speaks
/// it.
class UpstreamH2c final : public UpstreamConnection, private h2::ClientEvents {
 public:
  UpstreamH2c(Reactor& reactor, EndpointPool& pool, ConnectionGroup& group, h2::Shared& shared);

  [[nodiscard]] bool response_started() const noexcept override { return false; }
  [[nodiscard]] bool has_room() const noexcept override { return codec_.has_room(); }
  [[nodiscard]] std::size_t requests() const noexcept override { return codec_.streams(); }
  void close() override { codec_.close(Transport::CloseMode::normal); }

 private:
  [[nodiscard]] Result<void> start(const SocketAddress& to) override { return socket_.connect(to); }
  [[nodiscard]] Stream& open_on_codec(StreamEvents& events) override {
    return codec_.open_stream(events);
  }
  [[nodiscard]] bool greeting() const noexcept override { return codec_.started(); }
  void on_ready() override { opened(UpstreamProtocol::h2c); }
  void on_idle() override { reusable(); }
  void on_draining() override { draining(); }
  void on_closed(Error why) override { ended(why); }

  [[nodiscard]] ConnectionFacts& facts() noexcept override { return facts_; }

  Socket socket_;
  h2::ClientCodec codec_;
  ConnectionFacts facts_;
};

}  // namespace aralez
