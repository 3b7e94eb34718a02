#include <algorithm>
#include <chrono>

#include "codec/h2/server_codec.h"

namespace aralez::h2 {

void ServerCodec::wait_for(Wait what, Millis time) {
  wait_ = what;
  timer_.arm(t_.loop().timers(), t_.loop().now() + time);
}

void ServerCodec::watch() {
  if (wait_ == Wait::linger || wait_ == Wait::closed) return;
  if (streams() > 0 || t_.output_bytes() > Limits::kBodyWindow) {
    drained_ = false;
    left_mark_ = left_;
    framed_mark_ = framed_;
    wait_for(Wait::active, client_limits_.client_rate_window);
  } else if (incomplete_) {
    wait_for(Wait::head, client_limits_.client_head_timeout);
  } else {
    wait_for(Wait::idle, client_limits_.client_idle_timeout);
  }
}

void ServerCodec::on_progress() {
  if (t_.output_bytes() == 0) drained_ = true;
  const bool incomplete = input_incomplete();
  if (incomplete == incomplete_) return;
  incomplete_ = incomplete;
  incomplete_since_ = t_.loop().now();
  if (wait_ == Wait::idle || wait_ == Wait::head) watch();
}

void ServerCodec::on_timer(TimePoint) {
  switch (wait_) {
    case Wait::preface:
    case Wait::head:
      return connection_error(ErrorCode::protocol_error, "request head took too long",
                              Reason::client_head_timeout);
    case Wait::idle:
      if (t_.output_bytes() > 0) return cut_off();
      return last_words();
    case Wait::active: return check_rates();
    case Wait::linger:
      return close_now(Transport::CloseMode::normal, {Errc::eof, Origin::internal, "goodbye"});
    case Wait::closed: return;
  }
}

void ServerCodec::check_rates() {
  const auto seconds = std::chrono::duration<double>(client_limits_.client_rate_window).count();
  const auto least = static_cast<std::uint64_t>(client_limits_.client_min_body_rate * seconds);
  if (incomplete_ && t_.loop().now() - incomplete_since_ >= client_limits_.client_head_timeout)
    return connection_error(ErrorCode::protocol_error, "request head took too long",
                            Reason::client_head_timeout);
  if (least > 0 && t_.output_bytes() > 0 && !drained_ && left_ - left_mark_ < least) {
    on_fault({0, "client reads too slowly", Reason::client_slow});
    return cut_off();
  }
  const bool moving = framed_ - framed_mark_ >= least;
  for_each_stream([&](MuxStream& s) {
    if (s.listed() && running()) check_rate(s, least, moving);
  });
  if (running()) watch();
}

void ServerCodec::mark(MuxStream& s) {
  s.rate = s.credit <= s.held_bytes ? MuxStream::Rate::held_back : MuxStream::Rate::watched;
  s.rx_mark = s.rx_total;
  s.tx_mark = s.tx_total;
}

/// `moving`: the connection as a whole takes enough, so that a stream may wait for its turn.
void ServerCodec::check_rate(MuxStream& s, std::uint64_t least, bool moving) {
  const std::uint64_t received = s.rx_total - s.rx_mark;
  const std::uint64_t sent = s.tx_total - s.tx_mark;
  const auto rate = std::exchange(s.rate, MuxStream::Rate::not_looked_at);
  const bool judged = rate != MuxStream::Rate::not_looked_at && least > 0;
  const bool stalled = s.pending_bytes > 0 && (s.send_window <= 0 || !moving);
  if (judged && stalled && sent < least)
    return stream_error(s.id, ErrorCode::cancel,
                        {0, "client reads too slowly", Reason::client_slow});
  s.quiet = received + sent > 0 ? 0 : s.quiet + 1;
  const bool receiving =
      s.rx == MuxStream::Rx::body && s.credit > s.held_bytes && rate == MuxStream::Rate::watched;
  if (s.long_lived()) {
    if (s.quiet * client_limits_.client_rate_window > client_limits_.tunnel_idle_timeout)
      return stream_error(s.id, ErrorCode::cancel, {0, "silent for too long", Reason::client_slow});
  } else if (judged && receiving && s.pending_bytes == 0 && received < least) {
    const HeadError slow{408, "request body comes too slowly", Reason::client_slow};
    if (s.tx != MuxStream::Tx::head)
      return stream_error(s.id, ErrorCode::cancel, {0, slow.why, slow.reason});
    answer(s.id, End::no, slow);
    return fail_stream(s, ResetCode::timeout);
  }
  mark(s);
}

}  // namespace aralez::h2
