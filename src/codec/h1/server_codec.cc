#include "codec/h1/server_codec.h"

#include <algorithm>

#include "codec/h1/first_line.h"

namespace aralez::h1 {

ServerCodec::ServerCodec(Transport& transport, ServerEvents& owner, HeadScratch& scratch,
                         const Limits& limits)
    : StreamCore(transport, scratch), owner_(owner), limits_(limits) {}

void ServerCodec::start() {
  // The first head has its deadline from the start: a silent new connection is not an idle old one.
  wait_for(Wait::idle, limits_.client_head_timeout);
  t_.start_recv();
}

void ServerCodec::drain() {
  if (after_ != After::keep) return;
  after_ = After::last;
  if (idle() && !events_) wait_for(Wait::idle, idle_time());
}

HeadLimits ServerCodec::head_limits() const {
  return {limits_.client_max_head_bytes,
          std::min<std::size_t>(limits_.client_max_headers, scratch_.fields.size()),
          std::min(Limits::kMaxTarget, limits_.client_max_head_bytes)};
}

/// After a first look that found no end, waits for the end before parsing again: a head that drips
/// in costs one scan, not one parse per byte.
bool ServerCodec::head_may_be_complete() {
  const auto text = in_.text();
  if (scanned_ == 0 || text.size() > limits_.client_max_head_bytes) return true;
  const std::size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
  scanned_ = text.size();
  return text.find("\r\n\r\n", from) != std::string_view::npos;
}

/// Old clients put one behind a body (RFC 9112 section 2.2). False: nothing else is here, or half
/// of another.
bool ServerCodec::skip_empty_lines() {
  for (; empty_lines_ < kEmptyLines && in_.text().starts_with("\r\n"); ++empty_lines_)
    in_.consume(2);
  if (in_.empty()) {
    in_.release_if_empty();
    return false;
  }
  if (empty_lines_ == kEmptyLines || in_.text() != "\r") return true;
  if (wait_ != Wait::head) wait_for(Wait::head, limits_.client_head_timeout);
  return false;
}

void ServerCodec::read_head() {
  if (events_ || tx_ != Tx::head) return;
  if (t_.output_bytes() > Limits::kBodyWindow)
    return;  // pipelining without reading: wait for the output
  if (!skip_empty_lines() || !head_may_be_complete()) {
    if (after_ == After::close) nothing_follows();
    return;
  }

  Head head;
  Persistence persistence;
  const auto r = parse_request(in_.text(), head_limits(), scratch_.fields, head, persistence);
  switch (r.outcome) {
    case Parse::more:
      if (after_ == After::close) return nothing_follows();
      scanned_ = in_.size();
      if (wait_ != Wait::head) wait_for(Wait::head, limits_.client_head_timeout);
      return;
    case Parse::bad: return no_request(r.error);
    case Parse::done:
      head.pin = in_.pin();
      head.raw = in_.text().substr(0, r.bytes);
      in_.consume(r.bytes);
      in_.release_if_empty();
      return start_request(std::move(head), persistence);
  }
}

void ServerCodec::start_request(Head&& head, const Persistence& persistence) {
  scanned_ = 0;
  empty_lines_ = 0;
  first_ = false;
  method_ = head.method;
  version_ = head.version;
  if (!persistence.keep_alive) after_ = After::close;
  upgrade_asked_ = !head.upgrade.empty();
  expect_pending_ = head.expect_continue;
  wait_ = Wait::nothing;
  timer_.cancel();
  writer_.start(BodyMode::none, 0);
  switch (head.length.kind) {
    case BodyLength::Kind::none: start_body(BodyMode::none, 0); break;
    case BodyLength::Kind::known: start_body(BodyMode::length, head.length.bytes); break;
    case BodyLength::Kind::unknown: start_body(BodyMode::chunked, 0); break;
  }
  const End end = rx_ == Rx::done ? End::yes : End::no;
  if (end == End::no) watch_rate();
  events_ = &owner_.on_stream(*this);
  events_->on_head(std::move(head), end);
}

BodyMode ServerCodec::choose_mode(const Head& head, End end) const {
  if (method_ == Method::head || bodyless(head.status)) return BodyMode::none;
  if (head.length.kind == BodyLength::Kind::known) return BodyMode::length;
  if (end == End::yes) return BodyMode::length;  // nothing follows: zero bytes
  return version_ == HttpVersion::http10 ? BodyMode::raw : BodyMode::chunked;
}

void ServerCodec::send_head(const Head& head, End end) {
  if (tx_ != Tx::head || wait_ == Wait::closed) return;
  if (head.interim()) {
    if (head.status == 100) expect_pending_ = false;
    if (version_ != HttpVersion::http10) write_response_head(t_, head, {});
    return;
  }
  if (head.status == 101) return start_tunnel(head);

  WireFraming f;
  f.mode = choose_mode(head, end);
  f.length = head.length.bytes;
  f.write_length = f.mode == BodyMode::length ||
                   (f.mode == BodyMode::none && head.length.kind == BodyLength::Kind::known &&
                    head.status != 204);
  if (f.mode == BodyMode::raw || head.last || after_ == After::last) after_ = After::close;
  if (rx_ == Rx::body && !body_worth_draining()) after_ = After::close;
  if (after_ == After::close)
    f.connection = "close";
  else if (version_ == HttpVersion::http10)
    f.connection = "keep-alive";
  write_response_head(t_, head, f);
  writer_.start(f.mode, f.length);
  tx_ = end == End::yes ? Tx::done : Tx::body;
}

void ServerCodec::start_tunnel(const Head& head) {
  if (!upgrade_asked_ || rx_ != Rx::done) return reset(ResetCode::protocol);
  write_response_head(t_, head,
                      {.mode = BodyMode::raw, .connection = "Upgrade", .upgrade = head.upgrade});
  after_ = After::close;
  tunnel_ = true;
  writer_.start(BodyMode::raw, 0);
  tx_ = Tx::body;
  start_body(BodyMode::raw, 0);
  wait_ = Wait::nothing;
  timer_.cancel();
  step_later();
}

/// A rest this small is cheaper to read than a new connection; a client that waits for a 100 sends
/// none.
bool ServerCodec::body_worth_draining() const {
  if (expect_pending_) return false;
  return rx_mode_ == BodyMode::chunked || rx_left_ <= Limits::kDrainBytes;
}

void ServerCodec::detach() {
  events_ = nullptr;
  if (wait_ == Wait::closed) return;
  if (tx_ != Tx::done) return close_now(Transport::CloseMode::abort);
  drop_pipe();
  if (after_ != After::close) {
    if (rx_ == Rx::done) return next_request();
    if (rx_ == Rx::body && !tunnel_) return swallow_body();
  }
  finish_output_then_close();
}

/// Reads what is left of the request, within a cap, so that the connection can go on (threats row
/// 3).
void ServerCodec::swallow_body() {
  credit_ = Limits::kDrainBytes;
  watch_rate();
  step_later();
}

void ServerCodec::received_message() {
  if (swallowing()) next_request();
}

void ServerCodec::next_request() {
  rx_ = Rx::head;
  tx_ = Tx::head;
  credit_ = 0;
  pipes_allowed_ = false;
  wait_for(Wait::idle, idle_time());
  if (!in_.empty())
    step_later();
  else
    update_receiving();
}

void ServerCodec::body_progress() {
  if (credit_ == 0) credit_ran_out_ = true;
  if (swallowing()) {
    const bool through = rx_mode_ == BodyMode::length && rx_left_ == 0;
    if (credit_ == 0 && !through) finish_output_then_close();
    return;
  }
  // An answer may still be leaving when its exchange is over.
  if ((wait_ == Wait::nothing && events_) || wait_ == Wait::idle) watch_rate();
}

void ServerCodec::output_drained() {
  if (tx_ == Tx::closed) {
    if (rx_ == Rx::done) return close_now(Transport::CloseMode::normal);
    // Wait for the client's FIN: closing over unread input would reset our last bytes away.
    wait_for(Wait::linger, Limits::kLinger);
    t_.shutdown_write();
    update_receiving();
  } else if (rx_ == Rx::head) {
    if (!in_.empty()) return step_later();
    if (after_ == After::close) return finish_output_then_close();
    if (wait_ == Wait::rate || after_ == After::last) wait_for(Wait::idle, idle_time());
  }
}

/// What is queued leaves for as long as the client keeps to the rate.
void ServerCodec::finish_output_then_close() {
  if (rx_ != Rx::done || !in_.empty()) rx_ = Rx::closed;  // more may come: read it off
  tx_ = Tx::closed;
  in_.clear();
  if (t_.output_bytes() == 0) return output_drained();
  if (rx_ == Rx::done) t_.last_output();
  watch_rate();
  update_receiving();
}

void ServerCodec::no_request(const HeadError& error) {
  if (hand_over(error)) return;
  if (first_ && error.status == 400 && !shows_http(in_.text())) return not_http();
  refuse(error);
}

/// Also an invalid preface of HTTP/2, behind which no GOAWAY need be (RFC 9113 section 3.4).
void ServerCodec::not_http() {
  owner_.on_refused({0, "the first line is not HTTP", Reason::not_http}, nullptr);
  close_now(Transport::CloseMode::normal);
}

/// What HTTP/2 begins with is a request that no HTTP/1 client sends, and is refused like one:
/// others pay nothing for the question. Only where a connection begins, so that nothing an
/// intermediary takes for a request can change what follows.
bool ServerCodec::hand_over(const HeadError& error) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n";
  if (error.reason != Reason::unsupported_version || !first_) return false;
  if (!in_.text().starts_with(kPreface) || !owner_.on_http2(in_)) return false;
  wait_ = Wait::closed;
  rx_ = Rx::closed;
  tx_ = Tx::closed;
  timer_.cancel();
  return true;
}

void ServerCodec::refuse(const HeadError& error) {
  Head head{.status = error.status};
  owner_.on_refused(error, &head);
  write_response_head(t_, head,
                      {.mode = BodyMode::length, .write_length = true, .connection = "close"});
  StreamEvents* told = std::exchange(events_, nullptr);
  tx_ = Tx::done;
  rx_ = Rx::body;  // whatever follows is not read as a request
  after_ = After::close;
  finish_output_then_close();
  if (told) told->on_reset(ResetCode::protocol);
}

void ServerCodec::bad_body(std::string_view why) {
  if (tx_ == Tx::head) return refuse({400, why, Reason::bad_chunk});
  owner_.on_refused({0, why, Reason::bad_chunk}, nullptr);
  if (swallowing()) return finish_output_then_close();  // the answer is whole and still goes out
  StreamEvents* told = std::exchange(events_, nullptr);
  close_now(Transport::CloseMode::abort);
  if (told) told->on_reset(ResetCode::protocol);
}

/// Whether the framing shows a client that reads to the end of the connection that the answer at
/// hand is not whole. HTTP/1.0 knows a length, but not that less of it is an error.
bool ServerCodec::shows_a_cut() const {
  if (tx_ != Tx::body || version_ == HttpVersion::http10) return false;
  return writer_.mode() == BodyMode::chunked || writer_.left() > 0;
}

/// What there is of an answer still goes to its client (RFC 9112 section 8). Where only a reset
/// tells the cut from the end, it goes at once.
void ServerCodec::reset(ResetCode) {
  if (wait_ == Wait::closed) return;
  events_ = nullptr;
  if (!shows_a_cut()) return close_now(Transport::CloseMode::abort);
  drop_pipe();
  if (after_ != After::close) rx_ = Rx::closed;  // nobody told the client to send no more
  after_ = After::close;
  finish_output_then_close();
}

void ServerCodec::on_recv_end() {
  if (tx_ == Tx::closed) return nothing_follows();
  if (rx_ == Rx::head) {
    if (in_.empty()) return nothing_follows();
    after_ = After::close;  // the client still reads, and what it has asked for is answered
    return step_later();
  }
  if (tunnel_) return finish_rx({});
  after_ = After::close;
  if (rx_ != Rx::body) return;  // half-closed after its request: the answer still goes out
  StreamEvents* told = std::exchange(events_, nullptr);
  close_now(Transport::CloseMode::normal);
  if (told) told->on_reset(ResetCode::closed);
}

/// The client has ended its side, and no request of it is left, or only half of one.
void ServerCodec::nothing_follows() {
  in_.clear();
  rx_ = Rx::done;
  finish_output_then_close();
}

/// With a reset: what the kernel still holds for a client that hardly reads would keep it served
/// for long.
void ServerCodec::cut_off() {
  StreamEvents* told = std::exchange(events_, nullptr);
  close_now(!told && idle() ? Transport::CloseMode::normal : Transport::CloseMode::abort);
  if (told) told->on_reset(ResetCode::timeout);
}

void ServerCodec::on_broken(Error) {
  StreamEvents* told = std::exchange(events_, nullptr);
  close_now(Transport::CloseMode::normal);
  if (told) told->on_reset(ResetCode::closed);
}

void ServerCodec::close_now(Transport::CloseMode mode) {
  if (wait_ == Wait::closed) return;
  wait_ = Wait::closed;
  rx_ = Rx::closed;
  tx_ = Tx::closed;
  timer_.cancel();
  drop_pipe();
  t_.close(mode);
  owner_.on_closed();
}

/// Between requests. While an answer still leaves, its client cannot have seen the end of it.
Millis ServerCodec::idle_time() const {
  if (after_ != After::last || t_.output_bytes() != 0) return limits_.client_idle_timeout;
  return std::min(limits_.client_idle_timeout, kDrainIdle);
}

/// Not over a request that has reached this machine: its client would see it fail.
void ServerCodec::idle_for_too_long() {
  if (t_.output_bytes() != 0) return reads_too_slowly();
  if (!t_.input_waiting()) return close_now(Transport::CloseMode::normal);
  wait_for(Wait::head, limits_.client_head_timeout);
}

void ServerCodec::wait_for(Wait what, Millis time) {
  wait_ = what;
  timer_.arm(t_.loop().timers(), t_.loop().now() + time);
}

void ServerCodec::watch_rate() {
  rate_rx_ = rx_total_;
  rate_tx_ = writer_.queued() - std::min(writer_.queued(), t_.output_bytes());
  credit_ran_out_ = credit_ == 0 && rx_ == Rx::body && rx_total_ > 0;
  wait_for(Wait::rate, limits_.client_rate_window);
}

void ServerCodec::on_timer(TimePoint) {
  switch (wait_) {
    case Wait::idle: return idle_for_too_long();
    case Wait::head:
      return refuse({408, "request head took too long", Reason::client_head_timeout});
    case Wait::rate: return check_rate();
    case Wait::linger: return close_now(Transport::CloseMode::normal);
    case Wait::nothing:
    case Wait::closed: return;
  }
}

/// Ends in a reset: after a FIN, a body without a length would look whole.
void ServerCodec::reads_too_slowly() {
  owner_.on_refused({0, "client reads too slowly", Reason::client_slow}, nullptr);
  cut_off();
}

void ServerCodec::check_rate() {
  const auto seconds = std::chrono::duration<double>(limits_.client_rate_window).count();
  const auto least = static_cast<std::uint64_t>(limits_.client_min_body_rate * seconds);
  const std::uint64_t sent = writer_.queued() - std::min(writer_.queued(), t_.output_bytes());
  const bool sending = t_.output_bytes() > 0;
  if (least > 0 && sending && sent - std::min(sent, rate_tx_) < least) {
    return reads_too_slowly();
  }
  const bool receiving = rx_ == Rx::body && credit_ > 0 && !credit_ran_out_ && !tunnel_;
  if (least > 0 && receiving && !sending && rx_total_ - rate_rx_ < least) {
    if (tx_ == Tx::head) return refuse({408, "request body comes too slowly", Reason::client_slow});
    owner_.on_refused({0, "request body comes too slowly", Reason::client_slow}, nullptr);
    return cut_off();
  }
  if (tunnel_ && tx_ != Tx::closed) {
    wait_ = Wait::nothing;
    return;
  }
  if (rx_ == Rx::body || sending)
    watch_rate();
  else
    wait_ = Wait::nothing;
}

}  // namespace aralez::h1
