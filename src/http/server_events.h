#pragma once

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
  /// The connection is over. The receiver retires the codec and its transport.
  virtual void on_closed() = 0;

 protected:
  ~ServerEvents() = default;
};

}  // namespace aralez
