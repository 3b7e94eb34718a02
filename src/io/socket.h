#pragma once

#include <cstdint>

#include "base/chain.h"
#include "base/read_buffer.h"
#include "base/result.h"
#include "io/reactor.h"
#include "io/socket_address.h"

namespace aralez {

/// Told by a Socket what was completed. Calls come from the loop, never from inside a Socket method that the
/// receiver has called.
class SocketEvents {
 public:
  virtual void on_connected() = 0;
  /// Where the next bytes go; asked right before each receive.
  virtual ReadBuffer& recv_buffer() = 0;
  /// Bytes were added to recv_buffer().
  virtual void on_received() = 0;
  /// `n` bytes are waiting in a pipe that was offered with splice_into().
  virtual void on_spliced(std::size_t n) = 0;
  /// The peer sends no more.
  virtual void on_recv_end() = 0;
  /// Pieces worth `credit` body bytes have left; `drained` when nothing is queued any more.
  virtual void on_sent(std::uint64_t credit, bool drained) = 0;
  /// Nothing more will work on this socket. The last event.
  virtual void on_broken(Error e) = 0;

 protected:
  ~SocketEvents() = default;
};

/// A connected (or connecting) TCP socket on one reactor. Receives are asked for and complete later; output is
/// queued and leaves when the current event has been handled, in one call where possible. The descriptor is
/// registered once, edge-triggered, and what the kernel said is remembered, so that a steady request needs one
/// recv and one send and no other call (design section 4.3).
class Socket final : private IoHandler {
 public:
  Socket(Reactor& reactor, SocketEvents& events) : reactor_(reactor), events_(events) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  /// Takes over an accepted descriptor.
  [[nodiscard]] bool adopt(UniqueFd fd);
  /// Starts a connect; on_connected() or on_broken() follows. An error here means nothing will follow.
  [[nodiscard]] Result<void> connect(const SocketAddress& to, const SocketAddress* bind_to = nullptr);

  /// Keeps receiving until stop_recv().
  void start_recv();
  void stop_recv() noexcept { receiving_ = false; }
  /// From now on received bytes go into `pipe`, at most `limit` more, and then receiving stops.
  void splice_into(SplicePipe* pipe, std::size_t limit) noexcept;

  /// Appends to the output. Small memory pieces are copied behind the last one.
  void queue(Piece piece);
  /// Appends bytes that need not outlive the call.
  void queue_copy(std::string_view bytes);
  /// A block to write output into, with at least `n` bytes room behind what is queued already; follow with
  /// commit_output().
  [[nodiscard]] std::span<std::byte> output_space(std::size_t n);
  void commit_output(std::size_t n);
  [[nodiscard]] bool output_pending() const noexcept { return !out_.empty(); }
  [[nodiscard]] std::uint64_t output_bytes() const noexcept { return out_bytes_; }

  /// FIN after what is queued.
  void shutdown_write();
  /// Closes now; no event follows. With `abort`, the peer sees a reset.
  enum class CloseMode : std::uint8_t { normal, abort };
  void close(CloseMode mode = CloseMode::normal) noexcept;

  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  enum class Connect : std::uint8_t { done, pending };

  void on_io(std::uint32_t what) override;
  void finish_connect();
  void receive();
  bool receive_once();
  bool splice_once();
  void resume_recv() { receive(); }
  void flush();
  [[nodiscard]] std::int64_t send_some();
  std::uint64_t drop_sent(std::uint64_t n);
  void broken(int err);

  static constexpr int kReceivesPerTurn = 8;
  static constexpr std::size_t kCopyBelow = 2048;

  Reactor& reactor_;
  SocketEvents& events_;
  UniqueFd fd_;
  Chain out_;
  BlockRef tail_;              ///< block being filled with small output
  std::uint32_t tail_used_ = 0;
  bool tail_is_last_ = false;  ///< the last piece of out_ ends at tail_used_ in tail_
  std::uint64_t out_bytes_ = 0;
  SplicePipe* pipe_ = nullptr;
  std::size_t splice_left_ = 0;
  MemberDeferred<Socket, &Socket::flush> flush_{*this};
  MemberDeferred<Socket, &Socket::resume_recv> resume_{*this};
  Connect connect_ = Connect::done;
  // What the kernel last said of each direction, and what is wanted: independent facts, not a state.
  bool readable_ = false;
  bool writable_ = true;
  bool peer_end_ = false;
  bool receiving_ = false;
  bool fin_queued_ = false;
};

}  // namespace aralez
