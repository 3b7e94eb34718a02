#include "cluster/endpoint_state.h"

#include "io/socket_address.h"

namespace aralez {

EndpointState::EndpointState(std::string host, std::uint16_t port, std::size_t workers)
    : host_(std::move(host)), port_(port), name_(host_and_port(host_, port_)), cells_(workers) {}

EndpointTotals EndpointState::totals() const noexcept {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  EndpointTotals t;
  for (const EndpointCell& c : cells_) {
    t.requests += c.requests.load(kRelaxed);
    t.failures += c.failures.load(kRelaxed);
    t.retries += c.retries.load(kRelaxed);
    t.connects += c.connects.load(kRelaxed);
    t.connect_time += std::chrono::nanoseconds(c.connect_nanos.load(kRelaxed));
    t.ejections += c.ejections.load(kRelaxed);
    if (c.reach.load(kRelaxed) != Reach::in) ++t.workers_without;
    const UpstreamProtocol p = c.protocol.load(kRelaxed);
    if (p != UpstreamProtocol::unknown) t.protocol = p;
  }
  return t;
}

}  // namespace aralez
