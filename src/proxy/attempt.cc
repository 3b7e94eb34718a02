#include "proxy/attempt.h"

#include <algorithm>

#include "proxy/context.h"
#include "proxy/exchange.h"

namespace aralez {
namespace {

constexpr Error kTimeout{Errc::timeout, Origin::upstream, "upstream took too long"};

Error error_of(ResetCode code) {
  switch (code) {
    case ResetCode::refused: return {Errc::refused, Origin::upstream, "upstream refused"};
    case ResetCode::protocol:
      return {Errc::protocol, Origin::upstream, "upstream broke the protocol"};
    case ResetCode::timeout: return kTimeout;
    case ResetCode::cancel:
    case ResetCode::closed:
    case ResetCode::internal: break;
  }
  return {Errc::reset, Origin::upstream, "upstream closed the connection"};
}

}  // namespace

Attempt::Attempt(ProxyContext& context, Exchange& exchange)
    : context_(context), exchange_(exchange) {}

void Attempt::start(Cluster& cluster, const RouteTimeouts& timeouts, End head_end) {
  cluster_ = &cluster;
  timeouts_ = timeouts;
  sent_bytes_ = unsent_ = unsettled_ = 0;
  tries_ = 0;
  failed_connects_ = 0;
  state_ = State::queued;
  head_end_ = body_end_ = head_end;
  const Head& request = exchange_.request();
  const bool safe = is_idempotent(request.method) && request.upgrade.empty();
  replay_ = !safe ? Replay::impossible : head_end == End::yes ? Replay::complete : Replay::possible;
  try_endpoint();
}

void Attempt::try_endpoint() {
  if (++tries_ > 1) context_.counters.add(Counter::retries);
  EndpointPool& pool = cluster_->next();
  if (UpstreamConnection* idle = pool.take_idle()) return begin(*idle);
  state_ = State::connecting;
  const auto made = pool.connect(*this, timeouts_.connect);
  if (!made) return next_endpoint_or_fail(made.error());
  pending_ = *made;
}

void Attempt::on_upstream_ready(UpstreamConnection& connection) {
  pending_ = nullptr;
  begin(connection);
}

void Attempt::on_upstream_failed(Error error) {
  pending_ = nullptr;
  next_endpoint_or_fail(error);
}

/// Nothing was sent yet, so any request may go elsewhere.
void Attempt::next_endpoint_or_fail(Error error) {
  ++failed_connects_;
  if (failed_connects_ < cluster_->size() && tries_ < context_.limits.max_retries)
    return try_endpoint();
  state_ = State::done;
  exchange_.on_not_connected(error);
}

void Attempt::begin(UpstreamConnection& connection) {
  connection_ = &connection;
  up_ = StreamRef(&connection.open_stream(*this));
  if (connection.reused()) context_.counters.add(Counter::upstream_reused);
  state_ = State::sending;
  wait(timeouts_.first_byte);
  up_->send_head(exchange_.request(), head_end_);
  if (head_end_ == End::yes) return;
  if (!sent_body_.empty() || replay_ == Replay::complete) {  // not the first try
    Chain again;
    for (std::size_t i = 0; i < sent_body_.count(); ++i)
      again.push_back(sent_body_[i].share().with_credit(0));
    up_->send_body(std::move(again), replay_ == Replay::complete ? End::yes : End::no);
  }
  exchange_.upstream_ready(*up_);
}

void Attempt::send_body(Chain&& body, End end) {
  if (!up_) return;
  keep_for_replay(body, end);
  if (state_ == State::sending) wait(timeouts_.first_byte);
  unsent_ += body.bytes();
  body_end_ = end;
  up_->send_body(std::move(body), end);
}

void Attempt::send_trailers(const Fields& trailers) {
  if (!up_) return;
  replay_ = Replay::impossible;
  body_end_ = End::yes;
  up_->send_trailers(trailers);
}

void Attempt::keep_for_replay(const Chain& body, End end) {
  if (replay_ != Replay::possible) return;
  for (std::size_t i = 0; i < body.count(); ++i) {
    sent_bytes_ += body[i].size();
    if (body[i].kind() != Piece::Kind::memory || sent_bytes_ > Limits::kReplayBytes) {
      replay_ = Replay::impossible;
      sent_body_.clear();
      return;
    }
    sent_body_.push_back(body[i].share());
  }
  if (end == End::yes) replay_ = Replay::complete;
}

void Attempt::grant(std::size_t n) {
  unsettled_ -= std::min(n, unsettled_);
  if (state_ == State::tunnel) wait(context_.limits.tunnel_idle_timeout);
  if (up_) up_->grant(n);
}

void Attempt::allow_pipes() {
  if (up_) up_->allow_pipes();
}

void Attempt::enter_tunnel() {
  state_ = State::tunnel;
  wait(context_.limits.tunnel_idle_timeout);
}

void Attempt::drop() {
  timer_.cancel();
  if (pending_) std::exchange(pending_, nullptr)->forget_waiter();
  state_ = State::done;
  connection_ = nullptr;
  if (head_end_ == End::no) sent_body_.clear();
  up_.drop();
}

void Attempt::expect_head() const {
  exchange_.expect_response();
}

void Attempt::on_head(Head&& head, End end) {
  if (state_ == State::tunnel) return;
  if (!head.interim() && state_ == State::sending) {
    state_ = State::receiving;
    replay_ = Replay::impossible;
    if (head_end_ == End::no) sent_body_.clear();
    if (end == End::no)
      wait(timeouts_.idle);
    else
      timer_.cancel();
  }
  exchange_.on_response_head(std::move(head), end);
}

void Attempt::on_body(Chain&& body, End end) {
  if (state_ == State::tunnel)
    wait(context_.limits.tunnel_idle_timeout);  // the other direction goes on
  else if (end == End::yes)
    timer_.cancel();
  else
    wait(timeouts_.idle);
  unsettled_ += body.bytes();
  exchange_.on_response_body(std::move(body), end);
}

void Attempt::on_trailers(Fields&& trailers) {
  timer_.cancel();
  exchange_.on_response_trailers(std::move(trailers));
}

void Attempt::on_sent(std::size_t n) {
  unsent_ -= std::min(n, unsent_);
  if (state_ == State::sending)
    wait(timeouts_.first_byte);
  else if (state_ == State::receiving && body_end_ == End::no)
    wait(timeouts_.idle);
  else if (state_ == State::tunnel)
    wait(context_.limits.tunnel_idle_timeout);
  exchange_.on_request_sent(n);
}

/// A connection that was idle may have been closed by the upstream just then; another try is safe
/// if repeating does no harm and all of the request is still here.
bool Attempt::may_replay(ResetCode code) const {
  if (tries_ >= context_.limits.max_retries) return false;
  // Nothing of it was sent: any request whose body is not gone may go elsewhere.
  if (code == ResetCode::refused && head_end_ == End::yes) return true;
  if (code != ResetCode::closed && code != ResetCode::refused) return false;
  if (!connection_ || !connection_->reused() || connection_->response_started()) return false;
  return replay_ != Replay::impossible;
}

void Attempt::on_reset(ResetCode code) {
  timer_.cancel();
  const bool again = state_ == State::sending && may_replay(code);
  up_.forget();
  connection_ = nullptr;
  unsent_ = 0;
  if (again) return try_endpoint();
  const bool answered = state_ == State::receiving || state_ == State::tunnel;
  state_ = State::done;
  if (answered)
    exchange_.on_response_broken(error_of(code));
  else
    exchange_.on_no_answer(error_of(code));
}

void Attempt::wait(Millis time) {
  timer_.arm(context_.reactor.timers(), context_.reactor.now() + time);
}

/// Time-outs of the upstream do not run while it waits for the client: the server codec's rate
/// rules do.
bool Attempt::client_is_the_slow_one() const {
  if (state_ == State::sending) return body_end_ == End::no && unsent_ == 0;
  return state_ == State::receiving && (unsettled_ > 0 || (body_end_ == End::no && unsent_ == 0));
}

void Attempt::on_timer(TimePoint) {
  if (client_is_the_slow_one())
    return wait(state_ == State::sending ? timeouts_.first_byte : timeouts_.idle);
  const State was = state_;
  drop();
  if (was == State::sending)
    exchange_.on_no_answer(kTimeout);
  else
    exchange_.on_response_broken(kTimeout);
}

}  // namespace aralez
