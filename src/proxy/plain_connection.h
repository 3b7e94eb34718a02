#pragma once

#include "codec/h1/server_codec.h"
#include "codec/h2/server_codec.h"
#include "io/socket.h"
#include "proxy/client_side.h"
#include "proxy/context.h"

namespace aralez {

/// A client without TLS: codec and socket side by side, which is how the data path fetches them.
class alignas(64) PlainConnection final : public DownstreamConnection {
 public:
  PlainConnection(ProxyContext& context, ConnectionOwner& owner, const ConnectionSource& source,
                  ListenerRole role)
      : side_(context, owner, *this, source, role, ClientSide::Security::plain),
        codec_(socket_, side_, context.scratch, context.limits),
        socket_(context.reactor, codec_),
        context_(context) {}

  [[nodiscard]] bool start(UniqueFd fd) override {
    if (!side_.opened(socket_.adopt(std::move(fd)))) return false;
    codec_.start();
    return true;
  }
  void drain() override { h2_ ? h2_->drain() : codec_.drain(); }
  void cut_off() override { h2_ ? h2_->cut_off() : codec_.cut_off(); }
  [[nodiscard]] const SocketAddress* counted() const noexcept override { return &side_.client(); }
  bool speak_http2(ReadBuffer& first) override {
    h2_ = std::make_unique<h2::ServerCodec>(socket_, side_, context_.h2, context_.limits);
    socket_.set_events(*h2_);
    h2_->start(first);
    return true;
  }

 private:
  // In the order of use; the socket's last members a small request does not touch
  // (docs/adr/0011).
  ClientSide side_;
  h1::ServerCodec codec_;
  Socket socket_;
  ProxyContext& context_;
  std::unique_ptr<h2::ServerCodec> h2_;  ///< in place of codec_, for clients that begin with it
};

}  // namespace aralez
