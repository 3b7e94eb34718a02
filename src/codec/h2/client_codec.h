#pragma once

#include "codec/h2/session.h"

namespace aralez::h2 {

/// Told by a ClientCodec about its connection. Calls may come from anywhere in the codec; on_closed
/// is the last.
class ClientEvents {
 public:
  /// The peer's SETTINGS are here: it speaks HTTP/2, and its limits are known.
  virtual void on_ready() = 0;
  /// No stream is left.
  virtual void on_idle() = 0;
  /// There will be no more streams; those that are there go on.
  virtual void on_draining() = 0;
  /// The connection is over. The receiver retires the codec and its transport. Before on_ready(),
  /// Errc::mismatch says that the peer speaks something else.
  virtual void on_closed(Error why) = 0;

 protected:
  ~ClientEvents() = default;
};

/// HTTP/2 towards an upstream (RFC 9113): many requests at once, within the peer's limit and ours.
/// A request that the upstream has not looked at (REFUSED_STREAM, GOAWAY) is reset as `refused`, so
/// that it may go elsewhere. A connection that says nothing while an answer is waited for is asked
/// by a PING whether it is still there. Time-outs of requests are the business of their owners. One
/// worker, no I/O of its own.
class ClientCodec final : public Session {
 public:
  /// Streams that we open at once, whatever the peer allows.
  static constexpr std::uint32_t kMaxStreams = 256;

  enum class Scheme : std::uint8_t { http, https };

  ClientCodec(Transport& transport, ClientEvents& owner, Shared& shared, Scheme scheme);

  /// The transport is connected and this codec is its receiver.
  void start();
  /// Whether open_stream() may be called. Only between on_ready() and on_draining().
  [[nodiscard]] bool has_room() const noexcept {
    return state_ == State::ready &&
           streams() < std::min(kMaxStreams, peer_.max_concurrent_streams);
  }
  /// Pre: has_room(). Its head is sent before another stream is opened.
  [[nodiscard]] Stream& open_stream(StreamEvents& events);
  /// start() was called, and on_ready() was not yet.
  [[nodiscard]] bool started() const noexcept { return started_ && state_ == State::greeting; }
  void close(Transport::CloseMode mode);

  void send_head(MuxStream& s, const Head& head, End end) override;

  void on_connected() override { start(); }
  void on_recv_end() override;
  void on_broken(Error e) override;

 private:
  enum class State : std::uint8_t { greeting, ready, draining };

  void on_block(const Block& block) override;
  [[nodiscard]] bool is_idle(std::uint32_t id) const override {
    return id % 2 == 0 || id >= next_id_;
  }
  [[nodiscard]] std::uint32_t last_peer_stream() const override { return 0; }
  void on_settings() override;
  void on_goaway(std::uint32_t last_stream, ErrorCode code) override;
  void on_ping_ack(std::string_view opaque) override;
  void on_fault(const HeadError& error) override { fault_ = error.why; }
  void on_stream_closed() override;
  void on_said_goodbye() override;
  void on_half_done(MuxStream& s) override;
  [[nodiscard]] bool opens_streams() const override { return true; }
  /// Nobody waits for the answer any more.
  [[nodiscard]] bool lingers(bool) const override { return false; }
  void on_session_closed(Error why) override;

  void take_response(MuxStream& s, const Block& block);
  void drain();
  void close_if_done();
  void watch();
  void on_timer(TimePoint now);

  static constexpr Millis kQuiet{10'000};  ///< without an answer, then a PING
  static constexpr Millis kPingTime{10'000};

  ClientEvents& owner_;
  Scheme scheme_;
  State state_ = State::greeting;
  bool started_ = false;
  bool pinging_ = false;  ///< the answer to our PING is waited for
  bool heard_ = false;    ///< a head, since the timer was armed
  std::uint32_t next_id_ = 1;
  std::string_view fault_;  ///< what the peer did wrong last
  MemberTimer<ClientCodec, &ClientCodec::on_timer> timer_{*this};
};

}  // namespace aralez::h2
