#include "cluster/endpoint_registry.h"

#include <algorithm>

namespace aralez {

/// Drops what has ended; each entry is looked at a bounded number of times over its life.
template <class State>
void EndpointRegistry::sweep(Known<State>& known, std::size_t& at) {
  if (known.size() < at) return;
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  at = std::max(kSweepFrom, known.size() * 2);
}

std::shared_ptr<EndpointState> EndpointRegistry::state_of(const EndpointSpec& spec) {
  sweep(endpoints_, sweep_endpoints_at_);
  auto& known = endpoints_[spec.key()];
  if (auto state = known.lock()) return state;
  auto state = std::make_shared<EndpointState>(spec.host, spec.port, workers_);
  known = state;
  return state;
}

void EndpointRegistry::attach(EndpointSpec& spec) {
  const std::lock_guard lock(mutex_);
  spec.state = state_of(spec);
}

void EndpointRegistry::attach(EndpointSpec& spec, const HealthCheckSpec& check,
                              const std::string& server_name) {
  const std::lock_guard lock(mutex_);
  spec.state = state_of(spec);
  HealthTarget target{
      .host = spec.host, .port = spec.port, .pin = spec.pin, .server_name = server_name};
  if (spec.tls) target.tls = spec.tls->policy();
  std::string key = spec.key() + '\n' + check.identity();
  if (target.tls && target.tls->verify) key += '\n' + server_name;
  sweep(checks_, sweep_checks_at_);
  auto& known = checks_[std::move(key)];
  spec.health = known.lock();
  if (spec.health) return;
  spec.health = std::make_shared<HealthState>(std::move(target), check, spec.state);
  known = spec.health;
}

}  // namespace aralez
