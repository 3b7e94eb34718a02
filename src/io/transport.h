#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/chain.h"
#include "base/read_buffer.h"
#include "base/result.h"
#include "io/loop.h"

namespace aralez {

/// Told by a Transport what was completed. Calls come from the loop, never from inside a Transport
/// method that the receiver has called.
class TransportEvents {
 public:
  virtual void on_connected() = 0;
  /// One of the calls below comes in a moment; see IoHandler::expect_io.
  virtual void expect_event() const {}
  /// Where the next bytes go; asked right before each receive.
  virtual ReadBuffer& recv_buffer() = 0;
  /// Bytes were added to recv_buffer().
  virtual void on_received() = 0;
  /// `n` more bytes are in the pipe that was offered with splice_into(). 0: the pipe is full;
  /// receiving has stopped until start_recv().
  virtual void on_spliced(std::size_t n) = 0;
  /// The peer sends no more.
  virtual void on_recv_end() = 0;
  /// Pieces worth `credit` body bytes have left; `drained` when nothing is queued any more.
  virtual void on_sent(std::uint64_t credit, bool drained) = 0;
  /// Nothing more will work. The last event.
  virtual void on_broken(Error e) = 0;

 protected:
  ~TransportEvents() = default;
};

/// An ordered byte stream below a codec: a TCP socket, TLS over one, or memory in tests.
class Transport {
 public:
  enum class CloseMode : std::uint8_t { normal, abort };

  [[nodiscard]] virtual Loop& loop() = 0;

  /// Keeps receiving until stop_recv().
  virtual void start_recv() = 0;
  virtual void stop_recv() = 0;
  /// Whether splice_into() and pipe pieces work here.
  [[nodiscard]] virtual bool splices() const = 0;
  /// From now on received bytes go into `pipe`, at most `limit` more, and then receiving stops.
  /// Null: back to recv_buffer().
  virtual void splice_into(SplicePipe* pipe, std::size_t limit) = 0;
  /// Whether the peer has sent bytes, or its end, that are not in recv_buffer() yet.
  [[nodiscard]] virtual bool input_waiting() { return false; }

  /// Appends to the output, which leaves when the current event has been handled. Small memory
  /// pieces are copied.
  virtual void queue(Piece piece) = 0;
  /// Room for at least `n` bytes of output, behind what is queued; follow with commit_output().
  [[nodiscard]] virtual std::span<std::byte> output_space(std::size_t n) = 0;
  virtual void commit_output(std::size_t n) = 0;
  /// Bytes queued and not accepted by the kernel yet.
  [[nodiscard]] virtual std::uint64_t output_bytes() const = 0;

  /// From now on output leaves at the end of a turn, so that what several events have queued is
  /// one write: for connections that carry many streams.
  virtual void flush_at_turn_end() {}
  /// Nothing follows what is queued: what a close would say may leave with it.
  virtual void last_output() {}
  /// FIN after what is queued.
  virtual void shutdown_write() = 0;
  /// Closes now, dropping what is queued; no event follows. With `abort`, the peer sees a reset.
  virtual void close(CloseMode mode) = 0;
  /// A normal close whose last bytes are `last`, if nothing is queued and they can leave at once.
  virtual void close_saying(std::span<const std::byte> last) {
    static_cast<void>(last);
    close(CloseMode::normal);
  }

  /// Appends bytes that need not outlive the call.
  void queue_copy(std::string_view bytes) {
    const auto to = output_space(bytes.size());
    std::memcpy(to.data(), bytes.data(), bytes.size());
    commit_output(bytes.size());
  }

 protected:
  ~Transport() = default;
};

}  // namespace aralez
