#pragma once

#include "codec/h1/stream_core.h"
#include "http/date.h"
#include "http/server_events.h"

namespace aralez::h1 {

using aralez::ServerEvents;

/// HTTP/1.0 and 1.1 towards clients (RFC 9112): keep-alive, pipelining one request at a time,
/// chunked bodies both ways, upgrades. Enforces head deadline, idle time-out and minimum body rate.
/// One worker, no I/O of its own.
class ServerCodec final : public StreamCore {
 public:
  static constexpr Millis kDrainIdle{1'000};
  static constexpr std::uint8_t kEmptyLines = 2;  ///< before a request; more are refused

  ServerCodec(Transport& transport, ServerEvents& owner, HeadScratch& scratch,
              const Limits& limits);

  /// The transport is connected and this codec is its receiver.
  void start();
  /// The next answer says that it is the last one. A client that asks for nothing any more within
  /// kDrainIdle is closed.
  void drain();
  /// Ends the connection with a reset; a request under way hears of it.
  void cut_off();
  /// Between requests, as far as is known: one may be on its way.
  [[nodiscard]] bool idle() const noexcept {
    return wait_ == Wait::idle && in_.empty() && t_.output_bytes() == 0;
  }

  void send_head(const Head& head, End end) override;
  void reset(ResetCode code) override;
  void detach() override;

  void on_connected() override {}
  void on_recv_end() override;
  void on_broken(Error e) override;

 private:
  /// What the timer is for.
  enum class Wait : std::uint8_t { idle, head, rate, nothing, linger, closed };

  void read_head() override;
  void received_message() override;
  void sent_message() override {}
  void output_drained() override;
  void bad_body(std::string_view why) override;
  void body_progress() override;

  void start_request(Head&& head, const Persistence& persistence);
  [[nodiscard]] bool skip_empty_lines();
  [[nodiscard]] bool head_may_be_complete();
  [[nodiscard]] HeadLimits head_limits() const;
  void no_request(const HeadError& error);
  void not_http();
  void refuse(const HeadError& error);
  [[nodiscard]] bool hand_over(const HeadError& error);
  void next_request();
  [[nodiscard]] bool body_worth_draining() const;
  [[nodiscard]] bool swallowing() const {
    return !events_ && tx_ == Tx::done && wait_ == Wait::rate;
  }
  void swallow_body();
  [[nodiscard]] bool shows_a_cut() const;
  void finish_output_then_close();
  void nothing_follows();
  void close_now(Transport::CloseMode mode);
  void start_tunnel(const Head& head);
  [[nodiscard]] BodyMode choose_mode(const Head& head, End end) const;

  [[nodiscard]] Millis idle_time() const;
  void idle_for_too_long();
  void wait_for(Wait what, Millis time);
  void watch_rate();
  void on_timer(TimePoint now);
  void check_rate();
  void reads_too_slowly();

  /// How the connection goes on. A client that was not told of the end may send its next request at
  /// any time: so `close` follows `last` only with the head of an answer.
  enum class After : std::uint8_t {
    keep,
    last,  ///< drains: the next head says that the connection closes
    close  ///< the client knows, or gave a reason: behind the answer at hand
  };

  ServerEvents& owner_;
  const Limits& limits_;
  std::size_t scanned_ = 0;  ///< of an incomplete head: no need to look here again
  std::uint64_t rate_rx_ = 0;
  std::uint64_t rate_tx_ = 0;
  MemberTimer<ServerCodec, &ServerCodec::on_timer> timer_{*this};
  After after_ = After::keep;
  Wait wait_ = Wait::idle;
  Method method_ = Method::other;
  HttpVersion version_ = HttpVersion::http11;
  bool upgrade_asked_ = false;
  bool expect_pending_ = false;   ///< the client may be waiting for a 100
  std::uint8_t empty_lines_ = 0;  ///< skipped before the request that is to come
  bool first_ = true;             ///< no request has been read yet
  bool credit_ran_out_ = false;   ///< within the rate window, the client was held back by us
};

}  // namespace aralez::h1
