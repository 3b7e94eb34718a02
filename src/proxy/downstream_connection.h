#pragma once

#include <string>

#include "base/intrusive_list.h"
#include "codec/h1/server_codec.h"
#include "io/socket.h"
#include "proxy/exchange.h"

namespace aralez {

class DownstreamConnection;

/// Owner of a worker's client connections.
class ConnectionOwner {
 public:
  virtual void on_connection_closed(DownstreamConnection& c) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// One client connection: socket, codec, and who the client is. Dies at the end of the loop turn in
/// which it closes.
class DownstreamConnection final : public Retired, public ListNode, private ServerEvents {
 public:
  DownstreamConnection(ProxyContext& context, ConnectionOwner& owner, const SocketAddress& peer,
                       ListenerRole role);
  ~DownstreamConnection() override;

  /// False when the kernel refuses to watch the socket.
  [[nodiscard]] bool start(UniqueFd fd);
  void drain() { codec_.drain(); }
  /// Ends it now, with its request.
  void cut_off() { codec_.cut_off(); }
  [[nodiscard]] const SocketAddress& peer() const noexcept { return peer_; }

 private:
  StreamEvents& on_stream(Stream& stream) override;
  void on_refused(const HeadError& error, Head* answer) override;
  void on_closed() override;

  Socket socket_;
  h1::ServerCodec codec_;
  ProxyContext& context_;
  ListenerRole role_;
  ClientInfo client_;
  std::string ip_;
  ConnectionOwner& owner_;
  SocketAddress peer_;
};

}  // namespace aralez
