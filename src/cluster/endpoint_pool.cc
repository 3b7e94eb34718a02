#include "cluster/endpoint_pool.h"

#include <algorithm>

namespace aralez {

EndpointPool::EndpointPool(PoolShare& share, EndpointSpec spec)
    : share_(share),
      spec_(std::move(spec)),
      address_(SocketAddress::from_ip(spec_.host, spec_.port)) {
  if (!address_) name_.emplace(share_.resolver, spec_.host, static_cast<NameEvents&>(*this));
}

EndpointPool::~EndpointPool() {
  connects_.clear();
  close_idle();
  while (!all_.empty()) all_.begin()->second->close();
}

UpstreamConnection* EndpointPool::take_idle() {
  if (idle_.empty()) return nullptr;
  auto& c = static_cast<UpstreamConnection&>(idle_.front());
  unpark(c);
  c.cancel_timer();
  if (!idle_.empty()) static_cast<UpstreamConnection&>(idle_.front()).fetch();
  return &c;
}

Result<PendingConnect*> EndpointPool::connect(ConnectionWaiter& waiter, Millis timeout) {
  if (address_) return dial(*address_, waiter, timeout);
  auto c = std::make_unique<NamedConnect>(share_.reactor, *this, waiter);
  NamedConnect* raw = c.get();
  if (auto started = raw->start(share_.resolver, spec_.host, timeout); !started)
    return std::unexpected(started.error());
  connects_.emplace(raw, std::move(c));
  return raw;
}

Result<UpstreamConnection*> EndpointPool::dial(const SocketAddress& to, ConnectionWaiter& waiter,
                                               Millis timeout) {
  auto c = std::make_unique<UpstreamConnection>(share_.reactor, *this, share_.scratch);
  UpstreamConnection* raw = c.get();
  if (auto started = raw->connect(to, &waiter, timeout); !started)
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

void EndpointPool::drop(NamedConnect& c) {
  const auto it = connects_.find(&c);
  if (it == connects_.end()) return;
  c.stop();
  share_.reactor.retire(std::move(it->second));
  connects_.erase(it);
}

void EndpointPool::on_addresses(std::span<const SocketAddress> addresses) {
  std::vector<UpstreamConnection*> idle;
  for (const auto& [c, owned] : all_) {
    SocketAddress peer = c->peer();
    peer.set_port(0);
    const bool left = std::ranges::find(addresses, peer) == addresses.end();
    c->set_leaving(left);
    if (left && static_cast<IdleOfEndpoint&>(*c).linked()) idle.push_back(c);
  }
  for (auto* c : idle) c->close();
}

void EndpointPool::close_idle() {
  while (!idle_.empty()) static_cast<UpstreamConnection&>(idle_.front()).close();
}

}  // namespace aralez
