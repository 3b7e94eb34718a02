#pragma once

#include "base/intrusive_list.h"
#include "base/read_buffer.h"
#include "base/unique_fd.h"
#include "io/loop.h"
#include "io/socket_address.h"

namespace aralez {

class DownstreamConnection;

/// Owner of a worker's client connections.
class ConnectionOwner {
 public:
  virtual void on_connection_closed(DownstreamConnection& c) = 0;

 protected:
  ~ConnectionOwner() = default;
};

/// One client connection as its worker sees it. Dies at the end of the loop turn in which it
/// closes.
class DownstreamConnection : public Retired, public ListNode {
 public:
  /// False when the kernel refuses to watch the socket.
  [[nodiscard]] virtual bool start(UniqueFd fd) = 0;
  /// Closes when what is under way has been answered.
  virtual void drain() = 0;
  /// Ends it now, with its requests.
  virtual void cut_off() = 0;
  /// Whom it is counted for in ClientTable; null: nobody.
  [[nodiscard]] virtual const SocketAddress* counted() const noexcept = 0;
  /// The client has begun with HTTP/2 where HTTP/1 was expected; see ServerEvents::on_http2.
  virtual bool speak_http2(ReadBuffer& first) {
    static_cast<void>(first);
    return false;
  }
};

}  // namespace aralez
