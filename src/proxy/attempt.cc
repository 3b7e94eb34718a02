#include "proxy/attempt.h"

#include <algorithm>

#include "proxy/context.h"
#include "proxy/exchange.h"
#include "proxy/reset_error.h"

namespace aralez {
namespace {

constexpr Error kTimeout = error_of(ResetCode::timeout);

}  // namespace

Attempt::Attempt(ProxyContext& context, Exchange& exchange)
    : context_(context), exchange_(exchange) {}

void Attempt::start(Cluster& cluster, const RouteTimeouts& timeouts, End head_end) {
  cluster_ = &cluster;
  timeouts_ = timeouts;
  sent_bytes_ = unsent_ = unsettled_ = 0;
  tries_ = 0;
  unreached_.clear();
  state_ = State::queued;
  head_end_ = body_end_ = head_end;
  const Head& request = exchange_.request();
  repeat_ = is_idempotent(request.method) ? Repeat::harmless : Repeat::if_unseen;
  replay_ = !request.upgrade.empty() ? Replay::impossible
            : head_end == End::yes   ? Replay::complete
                                     : Replay::possible;
  const std::uint32_t place = cluster.pick(exchange_.endpoint().wanted);
  if (place == Cluster::kNone) {
    state_ = State::done;
    return exchange_.on_no_endpoint();
  }
  take_place(place);
  try_endpoint();
}

void Attempt::take_place(std::uint32_t place) {
  place_ = place;
  endpoint_ = &cluster_->endpoint(place);
  exchange_.endpoint().used = place;
}

void Attempt::try_endpoint() {
  if (++tries_ > 1) {
    context_.counters.add(Counter::retries);
    EndpointCell::add(endpoint_->cell().retries);
  }
  if (endpoint_->must_wait()) {
    state_ = State::queued;
    return endpoint_->wait_for_turn(turn_);
  }
  on_turn();
}

void Attempt::on_turn() {
  ticket_ = endpoint_->enter();
  const ConnectionWish wish = exchange_.connection_wish();
  if (UpstreamConnection* idle = endpoint_->take(wish)) return begin(*idle);
  state_ = State::connecting;
  const auto made = endpoint_->connect(*this, wish, timeouts_.connect);
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
  leave_endpoint(Pace::Left::gone);
  endpoint_->unreachable(error);
  EndpointCell::add(endpoint_->cell().failures);
  unreached_.add(place_);
  if (tries_ < context_.limits.max_retries && pick_again()) return try_endpoint();
  state_ = State::done;
  exchange_.on_not_connected(error);
}

/// False when no endpoint is left. A client that is kept on an endpoint stays there when it was a
/// connection that ended.
bool Attempt::pick_again() {
  const std::uint32_t next = unreached_.none() ? cluster_->pick(exchange_.endpoint().wanted)
                                               : cluster_->pick_other(unreached_);
  if (next == Cluster::kNone) return false;
  take_place(next);
  return true;
}

void Attempt::begin(UpstreamConnection& connection) {
  connection_ = &connection;
  began_ = context_.reactor.now();
  protocol_ = connection.protocol();
  const bool whole = replay_ == Replay::complete;
  // HTTP/1.1 cannot say that a request was not looked at, so there is nothing to keep its body for.
  if (repeat_ == Repeat::if_unseen && !multiplexes(connection.protocol()))
    replay_ = Replay::impossible;
  up_ = StreamRef(&connection.open_stream(*this));
  EndpointCell::add(endpoint_->cell().requests);
  if (connection.reused()) context_.counters.add(Counter::upstream_reused);
  state_ = State::sending;
  wait(timeouts_.first_byte);
  up_->send_head(exchange_.request(), head_end_);
  if (head_end_ == End::yes) return;
  if (!sent_body_.empty() || whole) {  // not the first try
    Chain again;
    for (std::size_t i = 0; i < sent_body_.count(); ++i)
      again.push_back(sent_body_[i].share().with_credit(0));
    if (replay_ == Replay::impossible) sent_body_.clear();
    up_->send_body(std::move(again), whole ? End::yes : End::no);
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
    if (body[i].kind() != Piece::Kind::memory || sent_bytes_ > Limits::kReplayBytes ||
        sent_body_.count() > Limits::kReplayPieces) {
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
  if (turn_.pending()) endpoint_->give_up_turn(turn_);
  leave_endpoint(Pace::Left::gone);
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
    leave_endpoint(Pace::Left::answered);
    endpoint_->answered();
    // This is what TLS servers say to plain HTTP, when they say anything.
    if (head.status == 400 && connection_ && !connection_->reused()) connection_->pool().doubt();
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
  // Nobody has looked at it: any request whose body is not gone may be sent again.
  const bool unseen = code == ResetCode::refused || code == ResetCode::http1_required;
  if (unseen && head_end_ == End::yes) return true;
  if (code != ResetCode::closed && !unseen) return false;
  if (!connection_ || replay_ == Replay::impossible) return false;
  if (unseen && multiplexes(connection_->protocol())) return true;
  if (repeat_ != Repeat::harmless) return false;
  return connection_->reused() && !connection_->response_started();
}

void Attempt::on_reset(ResetCode code) {
  timer_.cancel();
  leave_endpoint(Pace::Left::gone);
  const bool again = state_ == State::sending && may_replay(code);
  const bool by_http1 = code == ResetCode::http1_required;
  if (by_http1)
    endpoint_->require_http1();
  else if (state_ == State::sending && connection_ && !connection_->reused())
    connection_->pool().doubt();
  up_.forget();
  connection_ = nullptr;
  unsent_ = 0;
  EndpointCell::add(endpoint_->cell().failures);
  if (again && (by_http1 || pick_again())) return try_endpoint();
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
  EndpointCell::add(endpoint_->cell().failures);
  drop();
  if (was == State::sending)
    exchange_.on_no_answer(kTimeout);
  else
    exchange_.on_response_broken(kTimeout);
}

}  // namespace aralez
