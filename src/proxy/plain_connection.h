#pragma once

#include "codec/h1/server_codec.h"
#include "io/socket.h"
#include "proxy/client_side.h"
#include "proxy/context.h"

namespace aralez {

/// A client without TLS: socket and codec side by side, which is how the data path fetches them.
class PlainConnection final : public DownstreamConnection {
 public:
  PlainConnection(ProxyContext& context, ConnectionOwner& owner, const SocketAddress& peer,
                  ListenerRole role)
      : socket_(context.reactor, codec_),
        codec_(socket_, side_, context.scratch, context.limits),
        side_(context, owner, *this, peer, role, ClientSide::Security::plain) {}

  [[nodiscard]] bool start(UniqueFd fd) override {
    if (!side_.opened(socket_.adopt(std::move(fd)))) return false;
    codec_.start();
    return true;
  }
  void drain() override { codec_.drain(); }
  void cut_off() override { codec_.cut_off(); }
  [[nodiscard]] const SocketAddress& peer() const noexcept override { return side_.peer(); }

 private:
  Socket socket_;
  h1::ServerCodec codec_;
  ClientSide side_;
};

}  // namespace aralez
