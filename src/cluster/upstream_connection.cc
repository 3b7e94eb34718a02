#include "cluster/upstream_connection.h"

#include "cluster/endpoint_pool.h"

namespace aralez {
namespace {

constexpr Error kConnectTooSlow{Errc::timeout, Origin::upstream, "connect timed out"};
constexpr Error kGreetingTooSlow{Errc::timeout, Origin::upstream,
                                 "the server's side of the handshake timed out"};

}  // namespace

Result<void> UpstreamConnection::connect(const SocketAddress& to, ConnectionWaiter* waiter,
                                         const ConnectTimes& times) {
  if (auto started = start(to); !started) return started;
  waiter_ = waiter;
  ConnectionFacts& f = facts();
  f.peer = to;
  f.begun = reactor_.now();
  f.deadline = f.begun + times.all;
  timer_.arm(reactor_.timers(),
             times.answer > Millis{0} ? reactor_.now() + times.answer : f.deadline);
  return {};
}

void UpstreamConnection::set_leaving(bool leaving) noexcept {
  if (is_open()) state_ = leaving ? State::leaving : State::open;
}

void UpstreamConnection::opened(UpstreamProtocol protocol) {
  state_ = State::open;
  protocol_ = protocol;
  timer_.cancel();
  pool_.opened(*this);
  if (ConnectionWaiter* w = std::exchange(waiter_, nullptr)) return w->on_upstream_ready(*this);
  leave_spare();
}

void UpstreamConnection::leave_spare() {
  if (uses_ == 0) uses_ = 2;
  reusable();
}

void UpstreamConnection::reusable() {
  if (state_ == State::leaving) return close();
  pool_.park(*this);
}

void UpstreamConnection::draining() {
  state_ = State::leaving;
}

void UpstreamConnection::ended(Error why) {
  const bool was_open = is_open();
  if (was_open)
    pool_.counters().add(Counter::upstream_connections_closed);
  else if (why.code == Errc::refused || why.code == Errc::timeout)
    pool_.not_reached(why);
  state_ = State::closed;
  timer_.cancel();
  ConnectionWaiter* w = std::exchange(waiter_, nullptr);
  pool_.drop(*this);
  if (w) w->on_upstream_failed(why);
}

void UpstreamConnection::on_timer(TimePoint now) {
  if (is_open()) return close();
  const bool early = now < facts().deadline;
  if (early && !greeting()) return timer_.arm(reactor_.timers(), facts().deadline);
  Error why = greeting() ? kGreetingTooSlow : kConnectTooSlow;
  if (early) why.code = Errc::silent;
  if (!greeting()) pool_.not_reached(why);
  // The waiter hears of the time-out, not of a close.
  ConnectionWaiter* w = std::exchange(waiter_, nullptr);
  close();
  if (w) w->on_upstream_failed(why);
}

UpstreamH1::UpstreamH1(Reactor& reactor, EndpointPool& pool, ConnectionGroup& group,
                       h1::HeadScratch& scratch)
    : UpstreamConnection(reactor, pool, UpstreamProtocol::plain_h1),
      codec_(socket_, *this, scratch),
      socket_(reactor, codec_, &pool.output_group()),
      facts_{group} {}

void UpstreamH1::on_connected() {
  socket_.start_recv();  // or nobody would hear that the upstream closes it while it is idle
  opened(UpstreamProtocol::plain_h1);
}

}  // namespace aralez
