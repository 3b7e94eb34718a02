#pragma once

#include "base/read_buffer.h"
#include "http/head_error.h"
#include "http/stream.h"

namespace aralez {

/// Told by a codec in the server role about its connection, whatever protocol that speaks. Calls
/// may come from anywhere in the codec; on_closed is the last.
class ServerEvents {
 public:
  /// A request begins; its head follows at once.
  virtual StreamEvents& on_stream(Stream& stream) = 0;
  /// A request, or the whole connection, was refused by the codec itself. When `answer` is given it
  /// will be sent: the receiver sets its status and fields, which must outlive the call only until
  /// the codec returns from it.
  virtual void on_refused(const HeadError& error, Head* answer) = 0;
  /// The client speaks HTTP/2 from its first byte on (RFC 9113 section 3.3); all that was received
  /// is in `first`. True: it was taken over, and this codec has neither transport nor owner any
  /// more.
  virtual bool on_http2(ReadBuffer& first) {
    static_cast<void>(first);
    return false;
  }
  /// The connection is over. The receiver retires the codec and its transport.
  virtual void on_closed() = 0;

 protected:
  ~ServerEvents() = default;
};

}  // namespace aralez
