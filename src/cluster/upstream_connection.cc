#include "cluster/upstream_connection.h"

#include "cluster/endpoint_pool.h"

namespace aralez {

UpstreamConnection::UpstreamConnection(Reactor& reactor, EndpointPool& pool,
                                       h1::HeadScratch& scratch)
    : reactor_(reactor),
      pool_(pool),
      codec_(socket_, *this, scratch),
      socket_(reactor, codec_, &pool.output_group()) {}

Result<void> UpstreamConnection::connect(const SocketAddress& to, ConnectionWaiter* waiter,
                                         Millis timeout) {
  if (auto started = socket_.connect(to); !started) return started;
  waiter_ = waiter;
  peer_ = to;
  connecting_ = true;
  timer_.arm(reactor_.timers(), reactor_.now() + timeout);
  return {};
}

void UpstreamConnection::on_connected() {
  connecting_ = false;
  timer_.cancel();
  pool_.counters().add(Counter::upstream_connections);
  if (ConnectionWaiter* w = std::exchange(waiter_, nullptr)) return w->on_upstream_ready(*this);
  spare_ = true;
  socket_.start_recv();  // or nobody would hear that the upstream closes it
  pool_.park(*this);
}

void UpstreamConnection::on_reusable() {
  if (leaving_) return close();
  pool_.park(*this);
}

void UpstreamConnection::on_closed(Error why) {
  if (!connecting_) pool_.counters().add(Counter::upstream_connections_closed);
  connecting_ = false;
  timer_.cancel();
  ConnectionWaiter* w = std::exchange(waiter_, nullptr);
  pool_.drop(*this);
  if (w) w->on_upstream_failed(why);
}

void UpstreamConnection::on_timer(TimePoint) {
  if (!connecting_) return close();
  // The waiter hears of the time-out, not of a close.
  ConnectionWaiter* w = std::exchange(waiter_, nullptr);
  close();
  if (w) w->on_upstream_failed({Errc::timeout, Origin::upstream, "connect timed out"});
}

}  // namespace aralez
