#include <algorithm>

#include "codec/h2/session.h"
#include "codec/h2/take_front.h"

namespace aralez::h2 {
namespace {

/// Room after which a WINDOW_UPDATE is worth its frame.
constexpr std::int64_t kUpdateFrom = 32 * 1024;

}  // namespace

// DATA in.

bool Session::begin_data(const FrameHeader& h) {
  const std::size_t head = kFrameHeader + (h.has(flag::kPadded) ? 1 : 0);
  if (in_.size() < head && h.length > 0) return false;
  if (h.stream == 0 || is_idle(h.stream)) {
    connection_error(ErrorCode::protocol_error, "DATA on no open stream");
    return false;
  }
  std::uint32_t pad = 0;
  if (h.has(flag::kPadded)) {
    if (h.length == 0) {
      connection_error(ErrorCode::frame_size_error, "padded frame without a length of it");
      return false;
    }
    pad = static_cast<unsigned char>(in_.text()[kFrameHeader]);
    if (pad >= h.length) {
      connection_error(ErrorCode::protocol_error, "padding longer than its frame");
      return false;
    }
  }
  if (h.length > recv_window_) {
    connection_error(ErrorCode::flow_control_error, "more than the connection's window");
    return false;
  }
  recv_window_ -= h.length;
  const std::uint32_t body = h.length - pad - (h.has(flag::kPadded) ? 1 : 0);
  settle(h.length - body);
  in_.consume(std::min(head, in_.size()));
  data_.reading = true;
  data_.id = h.stream;
  data_.left = body;
  data_.pad = pad;
  data_.end = h.has(flag::kEndStream) ? End::yes : End::no;

  const bool empty = body == 0 && data_.end == End::no;
  if (empty && !charge(1)) return false;
  if (body >= kCopyBelow) earn(1);
  MuxStream* const s = find(h.stream);
  if (!s) {
    if (how_ended(h.stream) == Ended::reset_by_us || opens_streams())
      return charge(body >= kCopyBelow ? 0 : 1);
    stream_error(h.stream, ErrorCode::stream_closed,
                 {0, "DATA on a closed stream", Reason::h2_protocol});
    return running();
  }
  if (s->rx != MuxStream::Rx::body) {
    const bool early = s->rx == MuxStream::Rx::head;
    stream_error(h.stream, early ? ErrorCode::protocol_error : ErrorCode::stream_closed,
                 {0, "DATA where none may be", Reason::h2_protocol});
    return running();
  }
  if (h.length > s->recv_window) {
    stream_error(h.stream, ErrorCode::flow_control_error,
                 {0, "more than the stream's window", Reason::h2_protocol});
    return running();
  }
  s->recv_window -= h.length;
  if (body > s->rx_left) {
    stream_error(h.stream, ErrorCode::protocol_error,
                 {0, "more body than Content-Length says", Reason::bad_framing});
    return running();
  }
  return true;
}

bool Session::read_data() {
  const std::size_t n = std::min<std::size_t>(in_.size(), data_.left);
  if (n > 0) {
    data_.left -= static_cast<std::uint32_t>(n);
    if (MuxStream* const s = find(data_.id)) {
      take_data(*s, n);
    } else {
      in_.consume(n);
      settle(n);
    }
  }
  if (data_.left > 0) {
    // What is here goes on at once; the rest of the frame may take its time.
    if (MuxStream* const s = find(data_.id)) deliver(*s);
    return false;
  }
  const std::size_t pad = std::min<std::size_t>(in_.size(), data_.pad);
  in_.consume(pad);
  data_.pad -= static_cast<std::uint32_t>(pad);
  if (data_.pad > 0) return false;
  data_.reading = false;
  end_data();
  return life_ != Life::closed;
}

void Session::take_data(MuxStream& s, std::size_t n) {
  if (s.rx_left != MuxStream::kNoLength) s.rx_left -= n;
  s.rx_total += n;
  if (!s.events) {  // answered already: the rest is dropped
    in_.consume(n);
    return settle(n);
  }
  s.unsettled += n;
  s.held_bytes += n;
  if (n >= kCopyBelow) {
    s.held.push_back(Piece(in_.take(n)));
    return;
  }
  // A piece this small must not pin the block that it came in (threats row 8 in spirit).
  if (s.small.unique()) s.small_used = 0;
  if (!s.small || s.small->capacity - s.small_used < n) {
    s.small = t_.loop().blocks().take();
    s.small_used = 0;
  }
  const auto to = s.small.bytes().subspan(s.small_used, n);
  std::memcpy(to.data(), in_.text().data(), n);
  in_.consume(n);
  s.small_used += static_cast<std::uint32_t>(n);
  s.held.push_back(Piece(Slice(s.small, to)));
}

void Session::end_data() {
  MuxStream* const s = find(data_.id);
  if (!s || s->rx != MuxStream::Rx::body) return;
  if (data_.end == End::yes)
    end_of_message(*s);
  else
    deliver(*s);
}

void Session::end_of_message(MuxStream& s) {
  if (s.rx_left != MuxStream::kNoLength && s.rx_left > 0)
    return stream_error(s.id, ErrorCode::protocol_error,
                        {0, "less body than Content-Length says", Reason::bad_framing});
  s.rx = MuxStream::Rx::ended;
  deliver(s);
}

// To the owner.

void Session::deliver_head(MuxStream& s, Head&& head, End end) {
  if (!head.interim()) s.rx = end == End::yes ? MuxStream::Rx::done : MuxStream::Rx::body;
  s.events->on_head(std::move(head), end);
}

void Session::deliver_trailers(MuxStream& s, const Block& block) {
  if (s.rx != MuxStream::Rx::body)
    return stream_error(s.id, ErrorCode::stream_closed,
                        {0, "HEADERS behind the end", Reason::h2_protocol});
  Fields fields;
  BlockRef pin;
  const auto verdict = block.reader.trailers(fields, pin);
  if (verdict.kind != BlockVerdict::Kind::good)
    return stream_error(s.id, ErrorCode::protocol_error, verdict.error);
  if (block.end == End::no)
    return stream_error(s.id, ErrorCode::protocol_error,
                        {0, "HEADERS in the middle of a body", Reason::h2_protocol});
  if (!fields.empty() && s.events) s.rx_trailers.save(t_.loop().blocks(), fields);
  end_of_message(s);
}

/// Tells the owner as much as it has granted.
void Session::deliver(MuxStream& s) {
  if (s.gated()) return;
  if (!s.events) {
    settle(s, s.unsettled);
    s.held.clear();
    s.held_bytes = 0;
    if (s.rx == MuxStream::Rx::ended) s.rx = MuxStream::Rx::done;
    if (s.rx == MuxStream::Rx::done && s.tx == MuxStream::Tx::done) close_stream(s);
    return;
  }
  if (s.rx != MuxStream::Rx::body && s.rx != MuxStream::Rx::ended) return;
  Chain out;
  std::uint64_t n = std::min(s.held_bytes, s.credit);
  s.held_bytes -= n;
  s.credit -= n;
  if (s.held_bytes == 0) {
    out = std::move(s.held);
  } else {
    for (std::uint64_t left = n; left > 0;) {
      const std::uint64_t part = std::min(left, s.held.front().size());
      out.push_back(take_front(s.held.front(), part));
      if (s.held.front().size() == 0) s.held.pop_front();
      left -= part;
    }
  }
  if (s.credit == 0) s.held_back();
  const bool end = s.rx == MuxStream::Rx::ended && s.held_bytes == 0;
  if (!end) {
    if (n > 0) s.events->on_body(std::move(out), End::no);
    return;
  }
  s.rx = MuxStream::Rx::done;
  s.small.reset();
  if (s.rx_trailers.empty()) return s.events->on_body(std::move(out), End::yes);
  if (n > 0) s.events->on_body(std::move(out), End::no);
  if (s.events) s.events->on_trailers(s.rx_trailers.fields());
}

// Windows.

void Session::grant(MuxStream& s, std::size_t n) {
  s.credit += n;
  settle(s, std::min<std::uint64_t>(n, s.unsettled));
  if (s.unsettled == 0) s.small.reset();
  if (s.rx == MuxStream::Rx::ended || s.held_bytes > 0) tell_later(s);
  open_recv_window(s);
}

/// Raises what the peer may send to what the owner has granted, when it is worth a frame.
void Session::open_recv_window(MuxStream& s) {
  if (s.rx != MuxStream::Rx::body && s.rx != MuxStream::Rx::head) return;
  const auto target = std::min<std::int64_t>(
      static_cast<std::int64_t>(s.credit - std::min(s.credit, s.held_bytes)), kMaxWindow);
  const std::int64_t more = target - s.recv_window;
  if (more <= 0 || (more < kUpdateFrom && s.recv_window >= target / 2)) return;
  s.recv_window += more;
  write_window_update(t_, s.id, static_cast<std::uint32_t>(more));
}

void Session::settle(MuxStream& s, std::uint64_t n) {
  s.unsettled -= n;
  settle(n);
}

void Session::settle(std::uint64_t n) {
  returnable_ += n;
  if (returnable_ < kConnectionWindow / 2 || !running()) return;
  recv_window_ += static_cast<std::int64_t>(returnable_);
  write_window_update(t_, 0, static_cast<std::uint32_t>(std::exchange(returnable_, 0)));
}

}  // namespace aralez::h2
