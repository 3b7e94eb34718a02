#include "codec/h1/client_codec.h"

#include "base/ascii.h"

namespace aralez::h1 {
namespace {

constexpr HeadLimits kResponseLimits{Limits::kMaxUpstreamHead, Limits::kMaxUpstreamHeaders, 0};

}  // namespace

ClientCodec::ClientCodec(Transport& transport, ClientEvents& owner, HeadScratch& scratch)
    : StreamCore(transport, scratch), owner_(owner) {}

Stream& ClientCodec::open_stream(StreamEvents& events) {
  assert(life_ == Life::idle);
  events_ = &events;
  life_ = Life::busy;
  rx_ = Rx::head;
  tx_ = Tx::head;
  credit_ = 0;
  interim_ = 0;
  scanned_ = 0;
  asked_ = false;
  keep_alive_ = true;
  response_started_ = false;
  pipes_allowed_ = false;
  tunnel_ = false;
  t_.start_recv();
  return *this;
}

void ClientCodec::send_head(const Head& head, End end) {
  if (life_ != Life::busy || tx_ != Tx::head) return;
  method_ = head.method;
  if (upgrade_asked_ != head.upgrade) upgrade_asked_.assign(head.upgrade);
  WireFraming f;
  switch (head.length.kind) {
    case BodyLength::Kind::known:
      f.mode = BodyMode::length;
      f.write_length = true;
      f.length = head.length.bytes;
      break;
    case BodyLength::Kind::unknown: f.mode = BodyMode::chunked; break;
    case BodyLength::Kind::none: f.mode = BodyMode::none; break;
  }
  if (!upgrade_asked_.empty()) {
    f.connection = "Upgrade";
    f.upgrade = head.upgrade;
  }
  f.expect_continue = head.expect_continue;
  write_request_head(t_, head, f);
  writer_.start(f.mode, f.length);
  tx_ = end == End::yes ? Tx::done : Tx::body;
}

void ClientCodec::on_connected() {
  owner_.on_connected();
}

void ClientCodec::read_head() {
  if (life_ != Life::busy || !asked_) {
    // Nothing was asked: whatever this is, it is not an answer. Nor was it sent, so it may be asked
    // elsewhere.
    return fail_stream(ResetCode::refused,
                       {Errc::protocol, Origin::upstream, "unsolicited bytes from upstream"});
  }
  response_started_ = true;
  while (rx_ == Rx::head && !in_.empty() && life_ == Life::busy) {
    if (scanned_ > 0 && in_.size() <= Limits::kMaxUpstreamHead) {
      const std::size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
      scanned_ = in_.size();
      if (in_.text().find("\r\n\r\n", from) == std::string_view::npos) return;
    }
    Head head;
    Persistence persistence;
    const auto r = parse_response(in_.text(), kResponseLimits, scratch_.fields, head, persistence);
    if (r.outcome == Parse::more) {
      scanned_ = in_.size();
      return;
    }
    if (r.outcome == Parse::bad)
      return fail_stream(ResetCode::protocol, {Errc::protocol, Origin::upstream, r.error.why});
    scanned_ = 0;
    head.pin = in_.pin();
    in_.consume(r.bytes);
    in_.release_if_empty();
    if (!persistence.keep_alive) keep_alive_ = false;
    take_response(std::move(head));
  }
}

BodyMode ClientCodec::response_mode(const Head& head) const {
  if (method_ == Method::head || bodyless(head.status)) return BodyMode::none;
  switch (head.length.kind) {
    case BodyLength::Kind::known: return BodyMode::length;
    case BodyLength::Kind::unknown: return BodyMode::chunked;
    case BodyLength::Kind::none: break;
  }
  return BodyMode::raw;  // until the connection ends (RFC 9112 section 6.3 rule 8)
}

void ClientCodec::take_response(Head&& head) {
  // A length where none may be (RFC 9110 section 8.6): a body may follow that is nobody's.
  const bool has_body = head.length.kind == BodyLength::Kind::unknown || head.length.bytes > 0;
  if (has_body && (head.status < 200 || head.status == 204)) keep_alive_ = false;
  if (head.interim()) {
    if (++interim_ > Limits::kMaxInterim)
      return fail_stream(ResetCode::protocol,
                         {Errc::protocol, Origin::upstream, "too many 1xx responses"});
    if (events_) events_->on_head(std::move(head), End::no);
    return;
  }
  if (head.status == 101) {
    // Only to what was asked for (RFC 9110 section 7.8).
    if (upgrade_asked_.empty() || !iequals(head.upgrade, upgrade_asked_))
      return fail_stream(ResetCode::protocol,
                         {Errc::protocol, Origin::upstream, "101 without its upgrade"});
    keep_alive_ = false;
    tunnel_ = true;
    writer_.start(BodyMode::raw, 0);
    tx_ = Tx::body;
    start_body(BodyMode::raw, 0);
    if (events_) events_->on_head(std::move(head), End::no);
    return;
  }
  const BodyMode mode = response_mode(head);
  if (mode == BodyMode::raw) {
    keep_alive_ = false;
    head.length = BodyLength::until_end();
  }
  start_body(mode, head.length.bytes);
  if (events_) events_->on_head(std::move(head), rx_ == Rx::done ? End::yes : End::no);
}

void ClientCodec::detach() {
  events_ = nullptr;
  if (life_ != Life::busy) return;
  drop_pipe();
  const bool complete = rx_ == Rx::done && tx_ == Tx::done;
  if (!complete || !keep_alive_ || !in_.empty() || t_.output_bytes() > 0 || t_.input_waiting())
    return close_now(complete ? Transport::CloseMode::normal : Transport::CloseMode::abort,
                     {Errc::eof, Origin::internal, "not reusable"});
  life_ = Life::idle;
  rx_ = Rx::head;  // keeps receiving: an idle connection that speaks or ends is noticed
  tx_ = Tx::head;
  t_.start_recv();
  owner_.on_reusable();
}

void ClientCodec::reset(ResetCode) {
  events_ = nullptr;
  if (life_ == Life::busy)
    close_now(Transport::CloseMode::abort, {Errc::reset, Origin::internal, "stream reset"});
}

void ClientCodec::bad_body(std::string_view why) {
  fail_stream(ResetCode::protocol, {Errc::protocol, Origin::upstream, why});
}

void ClientCodec::fail_stream(ResetCode code, Error why) {
  StreamEvents* told = std::exchange(events_, nullptr);
  close_now(Transport::CloseMode::abort, why);
  if (told) told->on_reset(code);
}

void ClientCodec::on_recv_end() {
  if (life_ == Life::busy && rx_ == Rx::body && rx_mode_ == BodyMode::raw) {
    finish_rx({});
    return;
  }
  if (life_ == Life::busy && rx_ == Rx::done) {  // the whole answer is here; only reuse is lost
    keep_alive_ = false;
    return;
  }
  fail_stream(ResetCode::closed, {Errc::eof, Origin::upstream, "upstream closed the connection"});
}

void ClientCodec::on_broken(Error e) {
  if (e.origin == Origin::upstream && e.code == Errc::refused)
    return fail_stream(ResetCode::refused, e);
  fail_stream(ResetCode::closed, e);
}

void ClientCodec::close(Transport::CloseMode mode) {
  events_ = nullptr;
  close_now(mode, {Errc::eof, Origin::internal, "closed by us"});
}

void ClientCodec::close_now(Transport::CloseMode mode, Error why) {
  if (life_ == Life::closed) return;
  life_ = Life::closed;
  rx_ = Rx::closed;
  tx_ = Tx::closed;
  drop_pipe();
  t_.close(mode);
  owner_.on_closed(why);
}

}  // namespace aralez::h1
