#include <algorithm>

#include "codec/h2/block_writer.h"
#include "codec/h2/session.h"
#include "codec/h2/take_front.h"

namespace aralez::h2 {

/// A quarter of what is left to give: a few streams get all that helps, many of them little each.
std::size_t Session::body_room(MuxStream& s) {
  const std::size_t left = Limits::kH2SendBytes - std::min(Limits::kH2SendBytes, room_given_);
  const std::size_t room = std::clamp<std::size_t>(left / 4, kMaxPayload, Limits::kBodyWindow);
  room_given_ += room - s.room;
  return s.room = room;
}

void Session::send_body(MuxStream& s, Chain&& body, End end) {
  const std::uint64_t n = body.bytes();
  const bool over = n > s.tx_left;
  if (s.tx != MuxStream::Tx::body || s.mute || over) {
    assert(!over && "more body than announced");
    for (std::size_t i = 0; i < body.count(); ++i) s.owed += body[i].credit();
    body.clear();
    if (s.owed > 0) tell_later(s);
    if (s.tx == MuxStream::Tx::body && end == End::yes) finished_sending(s);
    return;
  }
  if (s.tx_left != MuxStream::kNoLength) s.tx_left -= n;
  s.pending.append(std::move(body));
  s.pending_bytes += n;
  if (end == End::yes) {
    if (s.tx_left != MuxStream::kNoLength && s.tx_left > 0)
      return fail_later(s, ErrorCode::internal_error);
    s.tx = MuxStream::Tx::ending;
    if (s.pending_bytes == 0) return write_data(s);
  }
  make_ready(s);
  pump_output();
}

void Session::send_trailers(MuxStream& s, const Fields& trailers) {
  if (s.tx != MuxStream::Tx::body) return;
  if (s.mute || trailers.empty()) return send_body(s, Chain(), End::yes);
  s.tx = MuxStream::Tx::ending;
  if (s.pending_bytes == 0) return write_trailers(s, trailers);
  s.tx_trailers.save(t_.loop().blocks(), trailers);
}

void Session::make_ready(MuxStream& s) {
  if (s.ready.linked() || s.pending_bytes == 0 || s.send_window <= 0) return;
  ready_.push_back(s.ready);
}

void Session::pump_output() {
  if (!running()) return;
  while (!ready_.empty() && send_window_ > 0 && t_.output_bytes() < kOutputAhead) {
    MuxStream& s = ready_.pop_front().stream;
    write_data(s);
    if (s.listed()) make_ready(s);
  }
}

/// One DATA frame.
void Session::write_data(MuxStream& s) {
  std::uint64_t n = std::min<std::uint64_t>(s.pending_bytes, kMaxPayload);
  n = std::min(n, static_cast<std::uint64_t>(std::max<std::int64_t>(s.send_window, 0)));
  n = std::min(n, static_cast<std::uint64_t>(std::max<std::int64_t>(send_window_, 0)));
  const bool last = n == s.pending_bytes && s.tx == MuxStream::Tx::ending;
  const bool trailers = last && !s.tx_trailers.empty();
  const std::uint8_t flags = last && !trailers ? flag::kEndStream : std::uint8_t{0};
  put_frame_header(t_.output_space(kFrameHeader).data(),
                   {static_cast<std::uint32_t>(n), FrameType::data, flags, s.id});
  t_.commit_output(kFrameHeader);
  sent_.push(s, queue_body(s, n));
  s.pending_bytes -= n;
  s.tx_total += n;
  framed_ += n;
  s.send_window -= static_cast<std::int64_t>(n);
  send_window_ -= static_cast<std::int64_t>(n);
  if (n > 0) earn(2);
  if (trailers) return write_trailers(s, s.tx_trailers.fields());
  if (last) finished_sending(s);
}

/// Returns the credit that comes back when the bytes have left.
std::uint64_t Session::queue_body(MuxStream& s, std::uint64_t n) {
  std::uint64_t credit = 0;
  while (n > 0) {
    Piece& first = s.pending.front();
    Piece part = take_front(first, std::min(n, first.size()));
    if (first.size() == 0) s.pending.pop_front();
    n -= part.size();
    credit += part.credit();
    if (part.size() > 0) t_.queue(std::move(part));
  }
  return credit;
}

void Session::write_trailers(MuxStream& s, const Fields& trailers) {
  BlockWriter out(t_, encoder_, trailers, 0, 0);
  out.put_fields(trailers);
  if (!out.finish(s.id, End::yes)) return break_later();
  s.tx_trailers.clear();
  finished_sending(s);
}

void Session::finished_sending(MuxStream& s) {
  s.tx = MuxStream::Tx::done;
  if (s.events) return;  // detach() goes on
  if (s.phase == MuxStream::Phase::failing) return close_stream(s);
  if (s.rx == MuxStream::Rx::done || s.rx == MuxStream::Rx::ended)
    close_stream(s);
  else
    on_half_done(s);
}

/// A whole answer, and no interest in the rest of the request: the answer counts (RFC 9113
/// section 8.1).
void Session::stop_sending(MuxStream& s) {
  for (std::size_t i = 0; i < s.pending.count(); ++i) s.owed += s.pending[i].credit();
  s.pending.clear();
  s.pending_bytes = 0;
  s.ready.unlink();
  s.tx_trailers.clear();
  if (s.owed > 0) tell_later(s);
  // No RST_STREAM of ours follows theirs.
  if (s.phase == MuxStream::Phase::open) s.enter(MuxStream::Phase::unknown);
  finished_sending(s);
}

void Session::on_sent(std::uint64_t credit, bool) {
  while (credit > 0 && !sent_.empty()) {
    const auto sent = sent_.take(credit);
    credit -= sent.bytes;
    left_ += sent.bytes;
    MuxStream& s = *sent.stream;
    if (s.session == this && s.id == sent.id && s.events)
      s.events->on_sent(static_cast<std::size_t>(sent.bytes));
    if (life_ == Life::closed) return;
  }
  pump_output();
  if (life_ == Life::closing) {
    if (t_.output_bytes() == 0) on_said_goodbye();
    return;
  }
  if (paused_ && t_.output_bytes() <= kMaxBacklog / 2) {
    paused_ = false;
    t_.start_recv();
    t_.loop().defer(run_todo_);
  }
  on_progress();
}

/// RFC 9113 section 6.9.2: a window may become negative.
void Session::move_initial_window(std::uint32_t value) {
  const std::int64_t change =
      static_cast<std::int64_t>(value) - static_cast<std::int64_t>(peer_.initial_window);
  peer_.initial_window = value;
  bool over = false;
  table_.for_each([&](MuxStream& s) {
    s.send_window += change;
    over |= s.send_window > kMaxWindow;
    make_ready(s);
  });
  if (over) connection_error(ErrorCode::flow_control_error, "window of a stream too large");
}

}  // namespace aralez::h2
