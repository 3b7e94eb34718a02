#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "io/transport.h"

namespace aralez::testing {

/// A Transport whose other end is the test. Completes what a Socket completes, and never earlier:
/// each event comes from turn() or from the loop. Can be retired while a turn is under way.
class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(Loop& loop) : loop_(loop) {}
  MemoryTransport(const MemoryTransport&) = delete;
  MemoryTransport& operator=(const MemoryTransport&) = delete;

  void attach(TransportEvents& events) { events_ = &events; }

  // The peer. Nothing here calls the codec.
  void peer_sends(std::string_view bytes) { in_.append(bytes); }
  void peer_ends() { peer_end_ = true; }
  void peer_breaks() { broken_ = Error{Errc::reset, Origin::upstream, "reset by test"}; }
  /// How many more bytes the peer takes; unlimited at first.
  void peer_takes(std::size_t n) { room_ = n; }
  /// All that has left so far.
  [[nodiscard]] const std::string& sent() const { return sent_; }
  [[nodiscard]] bool ended() const { return fin_ == Fin::sent; }
  [[nodiscard]] std::optional<CloseMode> closed() const { return closed_; }
  [[nodiscard]] bool receiving() const { return receiving_; }
  /// Everything that has come, the end included, is told before what the codec puts off, as by a
  /// Socket that finds more to read.
  void tell_at_once() { at_once_ = true; }
  /// Received at most this many bytes at once.
  void chop(std::size_t n) { chop_ = n; }

  /// What a reactor does for a socket in one turn, but for the end of the turn.
  void turn() {
    if (out_bytes_ > 0 && room_ > 0) flush_.run_now();
    receive();
  }

  Loop& loop() override { return loop_; }
  void start_recv() override {
    if (receiving_ || closed_) return;
    receiving_ = true;
    loop_.defer(resume_);
  }
  void stop_recv() override { receiving_ = false; }
  [[nodiscard]] bool splices() const override { return false; }
  void splice_into(SplicePipe*, std::size_t) override { assert(false && "does not splice"); }

  [[nodiscard]] bool input_waiting() override {
    return !in_.empty() || (peer_end_ && receiving_ && !closed_);
  }

  void queue(Piece piece) override {
    if (piece.size() == 0) return;
    seal_tail();
    out_bytes_ += piece.size();
    out_.push_back(std::move(piece));
    flush_later();
  }
  [[nodiscard]] std::span<std::byte> output_space(std::size_t n) override {
    seal_tail();
    tail_ = loop_.blocks().take_sized(n);
    return tail_.bytes();
  }
  void commit_output(std::size_t n) override {
    tail_size_ = n;
    out_bytes_ += n;
    seal_tail();
    flush_later();
  }
  [[nodiscard]] std::uint64_t output_bytes() const override { return out_bytes_; }
  void shutdown_write() override {
    if (fin_ != Fin::none) return;
    fin_ = Fin::queued;
    flush_later();
  }
  void close(CloseMode mode) override {
    if (closed_) return;
    closed_ = mode;
    receiving_ = false;
    flush_.cancel();
    resume_.cancel();
    out_.clear();
    tail_.reset();
    out_bytes_ = 0;
  }
  void close_saying(std::span<const std::byte> last) override {
    if (!closed_ && out_bytes_ == 0 && fin_ == Fin::none) sent_.append(as_text(last));
    close(CloseMode::normal);
  }

 private:
  enum class Fin : std::uint8_t { none, queued, sent };
  /// A deferred call that the test's turn() can make as well.
  template <void (MemoryTransport::*Fn)()>
  class Later final : public Deferred {
   public:
    explicit Later(MemoryTransport& t) : t_(t) {}
    void run_now() { run(); }

   private:
    void run() override { (t_.*Fn)(); }
    MemoryTransport& t_;
  };

  void flush_later() { loop_.defer(flush_); }
  void seal_tail() {
    if (tail_size_ > 0)
      out_.push_back(
          Piece(Slice(tail_, tail_.bytes().first(std::exchange(tail_size_, 0)))).with_credit(0));
    tail_.reset();
  }

  void receive() {
    while (receiving_ && !closed_ && !in_.empty()) {
      ReadBuffer& buffer = events_->recv_buffer();
      const auto room = buffer.space(loop_.blocks());
      const std::size_t n = std::min({in_.size(), room.size(), chop_});
      std::memcpy(room.data(), in_.data(), n);
      in_.erase(0, n);
      buffer.commit(n);
      events_->on_received();
      if (!at_once_) loop_.run_deferred();
    }
    if (closed_ || !in_.empty()) return;
    if (broken_) {
      const Error e = *broken_;
      close(CloseMode::normal);
      events_->on_broken(e);
    } else if (receiving_ && peer_end_) {
      receiving_ = false;
      events_->on_recv_end();
    }
  }

  void flush() {
    if (closed_) return;
    std::uint64_t credit = 0;
    while (!out_.empty() && room_ > 0) {
      Piece& p = out_.front();
      const auto n = std::min<std::uint64_t>(p.size(), room_);
      sent_.append(p.slice().text().substr(0, static_cast<std::size_t>(n)));
      out_bytes_ -= n;
      room_ -= room_ == kUnlimited ? 0 : static_cast<std::size_t>(n);
      p.remove_prefix(n);
      if (p.size() > 0) break;
      credit += p.credit();
      out_.pop_front();
    }
    if (out_bytes_ == 0 && fin_ == Fin::queued) fin_ = Fin::sent;
    events_->on_sent(credit, out_bytes_ == 0);
  }

  static constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

  Loop& loop_;
  TransportEvents* events_ = nullptr;
  std::string in_;
  std::string sent_;
  Chain out_;
  BlockRef tail_;
  std::size_t tail_size_ = 0;
  std::uint64_t out_bytes_ = 0;
  std::size_t room_ = kUnlimited;
  std::size_t chop_ = kUnlimited;
  std::optional<Error> broken_;
  std::optional<CloseMode> closed_;
  Fin fin_ = Fin::none;
  bool peer_end_ = false;
  bool receiving_ = false;
  bool at_once_ = false;
  Later<&MemoryTransport::flush> flush_{*this};
  Later<&MemoryTransport::receive> resume_{*this};
};

}  // namespace aralez::testing
