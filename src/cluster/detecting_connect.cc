#include "cluster/detecting_connect.h"

#include <algorithm>

#include "cluster/endpoint_pool.h"

namespace aralez {
namespace {

constexpr Error kNoTimeLeft{Errc::timeout, Origin::upstream, "connect timed out"};
constexpr Error kNothingFits{Errc::mismatch, Origin::upstream, "no protocol is left to try"};

/// How long a server that is not known to speak a protocol may take to answer its greeting. Who
/// takes longer is asked in the next one.
constexpr Millis kAnswer{2'000};

}  // namespace

DetectingConnect::DetectingConnect(Reactor& reactor, EndpointPool& pool, ConnectionWaiter& waiter,
                                   const ConnectionWish& wish)
    : reactor_(reactor),
      pool_(pool),
      waiter_(&waiter),
      host_(wish.host),
      configured_(wish.configured),
      http1_(wish.http1) {}

Result<void> DetectingConnect::start(Millis timeout) {
  timeout_ = timeout;
  deadline_ = reactor_.now() + timeout;
  return advance();
}

Result<void> DetectingConnect::advance() {
  tried_.clear();
  evidence_ = Detection::Evidence::handshake;
  only_for_http1_ = http1_ && multiplexes(pool_.known());
  if (ConnectionGroup* flight = pool_.flight_of(wish())) {
    if (flight->leader) {
      flight->waiting.push_back(*this);
      timer_.arm(reactor_.timers(), deadline_);
      return {};
    }
    leads_ = flight;
    leads_->leader = this;
  }
  return try_next(kNothingFits);
}

Result<void> DetectingConnect::try_next(Error last) {
  while (const auto wire = pool_.next_wire(tried_, wish())) {
    if (reactor_.now() >= deadline_) return std::unexpected(kNoTimeLeft);
    trying_ = *wire;
    tried_.add(trying_);
    auto begun = pool_.begin(trying_, wish(), *this, times_for(trying_));
    if (begun) {
      pending_ = *begun;
      return {};
    }
    return std::unexpected(begun.error());  // another wire would reach no more
  }
  return std::unexpected(last);
}

/// While there are others to try, a wire has its share of the time.
ConnectTimes DetectingConnect::times_for(Wire wire) const {
  ConnectTimes times{.all = std::chrono::ceil<Millis>(deadline_ - reactor_.now()), .answer = {}};
  WireSet others = tried_;
  others.add(wire);
  if (pool_.next_wire(others, wish())) times.answer = std::min(kAnswer, timeout_ * 2 / 5);
  return times;
}

void DetectingConnect::on_upstream_ready(UpstreamConnection& connection) {
  pending_ = nullptr;
  if (!only_for_http1_) pool_.learned(connection.protocol(), evidence_);
  if (http1_ && multiplexes(connection.protocol())) {
    connection.leave_spare();
    stop_leading(nullptr);
    if (auto again = advance(); !again) fail_with(again.error());
    return;
  }
  hand_over(connection);
}

void DetectingConnect::hand_over(UpstreamConnection& connection) {
  stop_leading(nullptr);
  ConnectionWaiter* w = std::exchange(waiter_, nullptr);
  if (!w) connection.leave_spare();
  pool_.drop(*this);
  if (w) w->on_upstream_ready(connection);
}

void DetectingConnect::on_upstream_failed(Error why) {
  pending_ = nullptr;
  const bool closed = why.code == Errc::eof || why.code == Errc::reset;
  if (closed && trying_ != Wire::plain_h1) {  // instead of a greeting
    const bool other = trying_ != Wire::tls || pool_.hung_up();
    why.code = other ? Errc::mismatch : Errc::tls;
  }
  if (why.code == Errc::mismatch || why.code == Errc::silent) {
    if (why.code == Errc::silent)
      evidence_ = Detection::Evidence::silence;
    else if (evidence_ == Detection::Evidence::handshake)
      evidence_ = Detection::Evidence::answers;
    auto next = try_next(why);
    if (next) return;
    why = next.error();
  }
  fail_with(why);
}

void DetectingConnect::resume() {
  timer_.cancel();
  if (verdict_) return fail_with(*verdict_);
  if (UpstreamConnection* c = pool_.take(wish())) return hand_over(*c);
  if (auto started = advance(); !started) fail_with(started.error());
}

void DetectingConnect::on_timer(TimePoint) {
  fail_with(kNoTimeLeft);
}

void DetectingConnect::fail_with(Error why) {
  stop_leading(&why);
  ConnectionWaiter* w = std::exchange(waiter_, nullptr);
  pool_.drop(*this);
  if (w) w->on_upstream_failed(why);
}

void DetectingConnect::stop_leading(const Error* why) {
  if (ConnectionGroup* group = std::exchange(leads_, nullptr)) pool_.land(*group, why, host_);
}

/// Others may wait for what it finds out.
void DetectingConnect::forget_waiter() {
  waiter_ = nullptr;
  if (!leads_) pool_.drop(*this);
}

/// A connection on its way becomes a spare one of the pool.
void DetectingConnect::stop() {
  timer_.cancel();
  unlink();
  stop_leading(nullptr);
  if (pending_) std::exchange(pending_, nullptr)->forget_waiter();
}

}  // namespace aralez
