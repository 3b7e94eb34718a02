#include "codec/h2/session.h"

#include <algorithm>

#include "codec/h2/block_writer.h"

namespace aralez::h2 {
namespace {

/// Room after which a WINDOW_UPDATE is worth its frame.
constexpr std::int64_t kUpdateFrom = 32 * 1024;

/// The first `n` bytes of a piece, taken off it; credit is settled with the bytes it stands for.
/// Pre: n <= piece.size(), and it is no pipe.
Piece take_front(Piece& piece, std::uint64_t n) {
  if (n == piece.size()) return std::exchange(piece, Piece());
  const std::uint64_t credit = std::min(n, piece.credit());
  const std::uint64_t rest = piece.credit() - credit;
  Piece front = piece.kind() == Piece::Kind::file
                    ? Piece::file(piece.kernel(), piece.offset(), n)
                    : Piece(piece.slice().share(0, static_cast<std::size_t>(n)));
  front.with_credit(credit);
  piece.remove_prefix(n);
  piece.with_credit(rest);
  return front;
}

}  // namespace

void SentQueue::push(MuxStream& s, std::uint64_t bytes) {
  if (bytes == 0) return;
  if (head_ > 0 && head_ == entries_.size()) {
    entries_.clear();
    head_ = 0;
  } else if (head_ >= 64 && head_ * 2 > entries_.size()) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  if (!empty() && entries_.back().stream == &s && entries_.back().id == s.id)
    entries_.back().bytes += bytes;
  else
    entries_.push_back({&s, s.id, bytes});
}

SentQueue::Entry SentQueue::take(std::uint64_t bytes) {
  Entry& front = entries_[head_];
  Entry taken = front;
  taken.bytes = std::min(bytes, front.bytes);
  front.bytes -= taken.bytes;
  if (front.bytes == 0) ++head_;
  return taken;
}

Session::Session(Transport& transport, Shared& shared, const BlockLimits& limits, Life life)
    : t_(transport),
      shared_(shared),
      limits_(limits),
      decoder_(shared.hpack),
      encoder_(shared.hpack),
      life_(life),
      glitches_(Limits::kH2Glitches, Limits::kH2GlitchesPerSecond, transport.loop().now()),
      resets_(Limits::kH2Resets, Limits::kH2ResetsPerSecond, transport.loop().now()) {}

Session::~Session() {
  for_each_stream([this](MuxStream& s) { close_stream(s); });
}

MuxStream* Session::find(std::uint32_t id) const noexcept {
  for (MuxStream* s = table_[id / 2 % kBuckets]; s; s = s->next)
    if (s->id == id) return s;
  return nullptr;
}

MuxStream& Session::open_stream(std::uint32_t id) {
  assert(!find(id));
  MuxStream& s = shared_.streams.take();
  s.session = this;
  s.id = id;
  s.listed = true;
  s.send_window = peer_.initial_window;
  s.recv_window = kDefaultWindow;
  MuxStream*& bucket = table_[id / 2 % kBuckets];
  s.next = std::exchange(bucket, &s);
  ++count_;
  return s;
}

void Session::close_stream(MuxStream& s) {
  if (!s.listed) return;
  s.listed = false;
  s.events = nullptr;
  MuxStream** at = &table_[s.id / 2 % kBuckets];
  while (*at != &s) at = &(*at)->next;
  *at = s.next;
  --count_;
  s.ready.unlink();
  s.todo.unlink();
  header_bytes_ -= s.header_bytes;
  room_given_ -= s.room;
  if (how_ended(s.id) == Ended::unknown) remember(s.id, Ended::complete);
  if (life_ == Life::open) settle(s.unsettled);
  shared_.streams.give_back(s);
  on_stream_closed();
}

Session::Ended Session::how_ended(std::uint32_t id) const noexcept {
  for (const auto& [stream, how] : remembered_)
    if (stream == id) return how;
  return Ended::unknown;
}

void Session::remember(std::uint32_t id, Ended how) noexcept {
  for (auto& known : remembered_)
    if (known.first == id) {
      known.second = how;
      return;
    }
  remembered_[remember_at_] = {id, how};
  remember_at_ = (remember_at_ + 1) % kRemembered;
}

bool Session::charge(double cost) {
  if (!running()) return false;
  if (cost <= 0 || glitches_.spend(cost, t_.loop().now())) return true;
  connection_error(ErrorCode::enhance_your_calm, "too many frames without use", Reason::h2_flood);
  return false;
}

bool Session::charge_reset() {
  if (!running()) return false;
  if (opens_streams()) return true;
  if (resets_.spend(1, t_.loop().now())) return true;
  connection_error(ErrorCode::enhance_your_calm, "too many streams reset", Reason::h2_resets);
  return false;
}

// Receiving.

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
  if (s.gated) return;
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
  if (s.credit == 0) s.credit_ran_out = true;
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

// Sending.

/// A quarter of what is left to give: a few streams get all that helps, many of them little each.
std::size_t Session::body_room(MuxStream& s) {
  const std::size_t left = Limits::kH2SendBytes - std::min(Limits::kH2SendBytes, room_given_);
  const std::size_t room = std::clamp<std::size_t>(left / 4, kMaxPayload, Limits::kBodyWindow);
  room_given_ += room - s.room;
  return s.room = room;
}

void Session::send_body(MuxStream& s, Chain&& body, End end) {
  const std::uint64_t n = body.bytes();
  const bool over = s.tx_has_length && n > s.tx_left;
  if (s.tx != MuxStream::Tx::body || s.mute || over) {
    assert(!over && "more body than announced");
    for (std::size_t i = 0; i < body.count(); ++i) s.owed += body[i].credit();
    body.clear();
    if (s.owed > 0) tell_later(s);
    if (s.tx == MuxStream::Tx::body && end == End::yes) finished_sending(s);
    return;
  }
  if (s.tx_has_length) s.tx_left -= n;
  s.pending.append(std::move(body));
  s.pending_bytes += n;
  if (end == End::yes) {
    if (s.tx_has_length && s.tx_left > 0) return fail_later(s, ErrorCode::internal_error);
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
    if (s.listed) make_ready(s);
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
  if (s.failing) return close_stream(s);
  if (s.rx == MuxStream::Rx::done || s.rx == MuxStream::Rx::ended)
    close_stream(s);
  else
    on_half_done(s);
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

// Ends.

void Session::reset(MuxStream& s, ResetCode code) {
  s.events = nullptr;
  if (life_ == Life::open) {
    if (s.announced) write_rst_stream(t_, s.id, error_code_of(code));
    remember(s.id, Ended::reset_by_us);
  }
  close_stream(s);
}

void Session::detach(MuxStream& s) {
  const bool received = s.rx == MuxStream::Rx::done || s.rx == MuxStream::Rx::ended;
  if (s.tx == MuxStream::Tx::done) return finished_sending(s);
  if (s.tx != MuxStream::Tx::ending || !lingers(received)) return reset(s, ResetCode::cancel);
  // What is left to send goes on without an owner; what comes in is dropped.
  settle(s, s.unsettled);
  s.held.clear();
  s.held_bytes = 0;
  s.small.reset();
}

void Session::fail_stream(MuxStream& s, ResetCode code) {
  StreamEvents* const told = std::exchange(s.events, nullptr);
  close_stream(s);
  if (told) told->on_reset(code);
}

void Session::stream_error(std::uint32_t id, ErrorCode code, const HeadError& why) {
  if (!running()) return;
  write_rst_stream(t_, id, code);
  remember(id, Ended::reset_by_us);
  on_fault(why);
  if (MuxStream* const s = find(id)) fail_stream(*s, ResetCode::protocol);
  charge_reset();
}

void Session::connection_error(ErrorCode code, std::string_view why, Reason reason) {
  if (life_ == Life::closing || life_ == Life::closed) return;
  write_goaway(t_, last_peer_stream(), code, why);
  life_ = Life::closing;
  paused_ = false;
  t_.start_recv();
  on_fault({0, why, reason});
  fail_all(ResetCode::protocol);
}

void Session::fail_all(ResetCode code) {
  // Each told owner may end others, so the table is looked at anew each time.
  for (std::size_t i = 0; i < kBuckets; ++i)
    while (table_[i]) fail_stream(*table_[i], code);
}

void Session::close_now(Transport::CloseMode mode, Error why) {
  if (life_ == Life::closed) return;
  life_ = Life::closed;
  t_.close(mode);
  in_.clear();
  run_todo_.cancel();
  fail_all(why.code == Errc::timeout ? ResetCode::timeout : ResetCode::closed);
  on_session_closed(why);
}

void Session::fail_later(MuxStream& s, ErrorCode code) {
  if (s.failing) return;
  s.failing = true;
  s.tx = MuxStream::Tx::done;
  s.pending.clear();
  s.pending_bytes = 0;
  if (running()) write_rst_stream(t_, s.id, code);
  remember(s.id, Ended::reset_by_us);
  tell_later(s);
}

void Session::finish_output() {
  if (life_ != Life::open && life_ != Life::preface) return;
  life_ = Life::closing;
  if (t_.output_bytes() == 0) on_said_goodbye();
}

void Session::take_over(ReadBuffer& first) {
  std::swap(in_, first);
  if (!in_.empty()) t_.loop().defer(run_todo_);
}

void Session::break_later() {
  breaking_ = true;
  t_.loop().defer(run_todo_);
}

void Session::tell_later(MuxStream& s) {
  if (!s.todo.linked()) todo_.push_back(s.todo);
  t_.loop().defer(run_todo_);
}

void Session::run_todo() {
  if (breaking_)
    return close_now(Transport::CloseMode::abort,
                     {Errc::limit, Origin::internal, "header compression failed"});
  while (!todo_.empty()) {
    MuxStream& s = todo_.pop_front().stream;
    if (s.failing) {
      fail_stream(s, ResetCode::protocol);
      continue;
    }
    if (s.owed > 0 && s.events)
      s.events->on_sent(static_cast<std::size_t>(std::exchange(s.owed, 0)));
    if (s.listed) deliver(s);
    if (life_ == Life::closed) return;
  }
  if (!paused_ && !in_.empty()) read_input();
}

}  // namespace aralez::h2
