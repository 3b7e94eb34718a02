#pragma once

#include <cstdint>

#include "base/chain.h"
#include "base/result.h"
#include "io/reactor.h"
#include "io/socket_address.h"
#include "io/transport.h"

namespace aralez {

/// A connected (or connecting) TCP socket on one reactor. Receives are asked for and complete
/// later; output is queued and leaves when the current event has been handled, in one call where
/// possible. The descriptor is registered once, edge-triggered, and what the kernel said is
/// remembered, so that a steady request needs one recv and one send and no other call (design
/// section 4.3).
class Socket final : public Transport, private IoHandler {
 public:
  /// With a group, output leaves at the end of the turn, together with that of the group.
  Socket(Reactor& reactor, TransportEvents& events, DeferredGroup* group = nullptr)
      : reactor_(reactor), events_(&events), group_(group) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(CloseMode::normal); }

  /// From within an event, for another codec on the same connection: `events` hears of the rest.
  void set_events(TransportEvents& events) noexcept { events_ = &events; }

  /// Takes over an accepted descriptor.
  [[nodiscard]] bool adopt(UniqueFd fd);
  /// Starts a connect; on_connected() or on_broken() follows. An error here means nothing will
  /// follow.
  [[nodiscard]] Result<void> connect(const SocketAddress& to,
                                     const SocketAddress* bind_to = nullptr);

  Loop& loop() override { return reactor_; }
  void start_recv() override;
  void stop_recv() override { receiving_ = false; }
  [[nodiscard]] bool splices() const override { return true; }
  void splice_into(SplicePipe* pipe, std::size_t limit) override;
  [[nodiscard]] bool input_waiting() override;
  void queue(Piece piece) override;
  [[nodiscard]] std::span<std::byte> output_space(std::size_t n) override;
  void commit_output(std::size_t n) override;
  [[nodiscard]] std::uint64_t output_bytes() const override { return out_bytes_; }
  void flush_at_turn_end() override { at_turn_end_ = true; }
  void shutdown_write() override;
  void close(CloseMode mode) override;
  void close_saying(std::span<const std::byte> last) override;

  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  enum class Connect : std::uint8_t { done, pending };
  /// Our end of output: asked for, then sent once.
  enum class Fin : std::uint8_t { none, queued, sent };

  void on_io(std::uint32_t what) override;
  void expect_io() const override { events_->expect_event(); }
  void finish_connect();
  /// The first receive of an event; what came is delivered when the events at hand have been
  /// looked at.
  void begin_receive();
  void receive();
  bool take_bytes();
  void splice_once();
  void flush();
  void flush_later() noexcept {
    if (group_)
      reactor_.defer_in(*group_, flush_);
    else if (at_turn_end_)
      reactor_.defer_answers(flush_, out_bytes_);
    else
      reactor_.defer(flush_);
  }
  /// Ends the gathering: what is in the tail becomes the last piece of out_.
  void seal_tail();
  [[nodiscard]] std::int64_t send_tail(std::uint64_t& credit);
  [[nodiscard]] std::int64_t send_some();
  [[nodiscard]] std::int64_t refused(std::int64_t n, std::uint64_t wanted);
  std::uint64_t drop_sent(std::uint64_t n);
  void look_for_error();
  void broken(int err);

  static constexpr int kReceivesPerTurn = 8;
  static constexpr std::size_t kCopyBelow = 2048;

  Reactor& reactor_;
  TransportEvents* events_;
  DeferredGroup* group_;
  // In the order of use: a small request and its answer touch the first three cache lines.
  UniqueFd fd_;
  Connect connect_ = Connect::done;
  Fin fin_ = Fin::none;
  // What the kernel last said of each direction, and what is wanted: independent facts, not a
  // state.
  bool readable_ = false;
  bool writable_ = true;
  bool peer_end_ = false;
  bool broken_ = false;
  bool receiving_ = false;
  bool at_turn_end_ = false;
  bool fresh_ = false;  ///< bytes in recv_buffer() that events_ has not heard of
  // Small output is gathered in a block of its own, behind out_: [tail_begin_, tail_end_) of tail_.
  BlockRef tail_;
  std::uint32_t tail_begin_ = 0;
  std::uint32_t tail_end_ = 0;
  std::uint64_t tail_credit_ = 0;
  std::uint64_t out_bytes_ = 0;
  SplicePipe* pipe_ = nullptr;
  MemberDeferred<Socket, &Socket::flush> flush_{*this};
  MemberDeferred<Socket, &Socket::receive> receive_{*this};
  std::size_t splice_left_ = 0;
  Chain out_;
};

}  // namespace aralez
