#include "cluster/endpoint_pool.h"

#include "base/prefetch.h"

namespace aralez {

EndpointPool::EndpointPool(PoolShare& share, EndpointSpec spec)
    : share_(share),
      spec_(std::move(spec)),
      address_(SocketAddress::from_ip(spec_.host, spec_.port)) {}

EndpointPool::~EndpointPool() {
  close_idle();
  while (!all_.empty()) all_.begin()->second->close();
}

UpstreamConnection* EndpointPool::take_idle() {
  if (idle_.empty()) return nullptr;
  auto& c = static_cast<UpstreamConnection&>(idle_.front());
  unpark(c);
  c.cancel_timer();
  if (!idle_.empty()) prefetch(&static_cast<UpstreamConnection&>(idle_.front()), sizeof c);
  return &c;
}

Result<UpstreamConnection*> EndpointPool::connect(ConnectionWaiter& waiter, Millis timeout) {
  if (!address_) return fail(Errc::refused, Origin::upstream, "endpoint name has no address");
  auto c = std::make_unique<UpstreamConnection>(share_.reactor, *this, share_.scratch);
  UpstreamConnection* raw = c.get();
  if (auto started = raw->connect(*address_, &waiter, timeout); !started)
    return std::unexpected(started.error());
  all_.emplace(raw, std::move(c));
  return raw;
}

void EndpointPool::park(UpstreamConnection& c) {
  idle_.push_front(c);
  share_.idle.push_back(c);
  ++share_.idle_count;
  c.arm_idle(share_.limits.upstream_pool_timeout);
  if (share_.idle_count > share_.max_idle)
    static_cast<UpstreamConnection&>(share_.idle.front()).close();
}

void EndpointPool::unpark(UpstreamConnection& c) {
  static_cast<IdleOfEndpoint&>(c).unlink();
  static_cast<IdleByAge&>(c).unlink();
  --share_.idle_count;
}

void EndpointPool::drop(UpstreamConnection& c) {
  if (static_cast<IdleByAge&>(c).linked()) unpark(c);
  const auto it = all_.find(&c);
  if (it == all_.end()) return;
  share_.reactor.retire(std::move(it->second));
  all_.erase(it);
}

void EndpointPool::close_idle() {
  while (!idle_.empty()) static_cast<UpstreamConnection&>(idle_.front()).close();
}

}  // namespace aralez
