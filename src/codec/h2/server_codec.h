#pragma once

#include "codec/h2/session.h"
#include "http/server_events.h"

namespace aralez::h2 {

/// HTTP/2 towards clients (RFC 9113): many requests at once, trailers and 1xx, extended CONNECT
/// (RFC 8441) as the tunnel of an Upgrade, graceful GOAWAY. Enforces head deadline, idle time-out
/// and minimum rates like the HTTP/1 codec, and bounds what a client can make us do (threats rows 7
/// to 11). One worker, no I/O of its own.
class ServerCodec final : public Session {
 public:
  ServerCodec(Transport& transport, ServerEvents& owner, Shared& shared, const Limits& limits);

  /// The transport is connected and this codec is its receiver. `first`: bytes that were received
  /// before it was known whose they are.
  void start(ReadBuffer& first);
  /// No request that the client sends from now on is lost: it hears twice that this is the end, and
  /// what it sent before it knew is answered (RFC 9113 section 6.8).
  void drain();
  /// Ends the connection with a reset; requests under way hear of it.
  void cut_off();

  void send_head(MuxStream& s, const Head& head, End end) override;

  void on_connected() override {}
  void on_recv_end() override;
  void on_broken(Error e) override;

 private:
  /// What the timer is for.
  enum class Wait : std::uint8_t { preface, idle, head, active, linger, closed };
  /// `asked`: the client was told and may not know yet. `told`: it knows.
  enum class Drain : std::uint8_t { no, asked, told };

  void on_block(const Block& block) override;
  [[nodiscard]] bool is_idle(std::uint32_t id) const override {
    return id % 2 == 0 || id > last_stream_;
  }
  [[nodiscard]] std::uint32_t last_peer_stream() const override { return last_stream_; }
  void on_settings() override;
  void on_goaway(std::uint32_t, ErrorCode) override {}
  void on_ping_ack(std::string_view opaque) override;
  void on_fault(const HeadError& error) override { owner_.on_refused(error, nullptr); }
  void on_stream_closed() override;
  void on_said_goodbye() override;
  void on_half_done(MuxStream& s) override;
  [[nodiscard]] bool lingers(bool) const override { return true; }
  void on_session_closed(Error why) override;
  void on_progress() override;

  void take_closed(const Block& block);
  void take_request(const Block& block);
  void begin(MuxStream& s, Head&& head, End end);
  void answer(std::uint32_t id, End end, const HeadError& error);
  void write_head(MuxStream& s, const Head& head, std::uint16_t status, End end);
  void send_tunnel_head(MuxStream& s, const Head& head, End end);
  void last_words();

  void wait_for(Wait what, Millis time);
  void watch();
  void on_timer(TimePoint now);
  void on_drain_timer(TimePoint now);
  void check_rates();
  void check_rate(MuxStream& s, std::uint64_t least, bool moving);
  void mark(MuxStream& s);

  ServerEvents& owner_;
  const Limits& client_limits_;
  std::uint32_t last_stream_ = 0;
  Wait wait_ = Wait::preface;
  Drain drain_ = Drain::no;
  bool drained_ = false;     ///< since the last look at rates, the output was empty once
  bool incomplete_ = false;  ///< input_incomplete(), as last seen
  std::uint64_t left_mark_ = 0;
  std::uint64_t framed_mark_ = 0;
  TimePoint incomplete_since_{};
  MemberTimer<ServerCodec, &ServerCodec::on_timer> timer_{*this};
  MemberTimer<ServerCodec, &ServerCodec::on_drain_timer> drain_timer_{*this};
};

}  // namespace aralez::h2
