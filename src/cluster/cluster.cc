#include "cluster/cluster.h"

#include <algorithm>

namespace aralez {
namespace {

/// At least one, unless none is wanted at all.
std::size_t idle_share(const ClusterServices& services) {
  const std::size_t all = services.limits.upstream_keepalive_pool_size;
  return all == 0 ? 0 : std::max<std::size_t>(1, all / services.workers);
}

}  // namespace

ClusterManager::ClusterManager(const ClusterServices& services)
    : name_log_(services.logger, services.counters),
      resolver_(services.reactor, name_log_),
      share_{.reactor = services.reactor,
             .resolver = resolver_,
             .scratch = services.scratch,
             .h2 = services.h2,
             .limits = services.limits,
             .logger = services.logger,
             .counters = services.counters,
             .max_idle = idle_share(services)} {}

std::string ClusterManager::key_of(const EndpointSpec& spec) {
  return spec.host + '|' + std::to_string(spec.port) + '|' +
         std::to_string(static_cast<int>(spec.pin)) + '|' + spec.judge();
}

std::shared_ptr<EndpointPool> ClusterManager::pool_for(const EndpointSpec& spec) {
  auto& known = pools_[key_of(spec)];
  if (auto pool = known.lock()) return pool;
  auto pool = std::make_shared<EndpointPool>(share_, spec);
  known = pool;
  return pool;
}

std::vector<std::shared_ptr<Cluster>> ClusterManager::adopt(const std::vector<ClusterSpec>& specs) {
  std::unordered_map<std::string, Known> next;
  std::vector<std::shared_ptr<Cluster>> out;
  out.reserve(specs.size());
  for (const ClusterSpec& spec : specs) {
    const auto old = clusters_.find(spec.name);
    std::shared_ptr<Cluster> cluster;
    if (old != clusters_.end() && old->second.endpoints == spec.endpoints) {
      cluster = old->second.cluster;
    } else {
      std::vector<std::shared_ptr<EndpointPool>> pools;
      pools.reserve(spec.endpoints.size());
      for (const EndpointSpec& e : spec.endpoints) pools.push_back(pool_for(e));
      cluster = std::make_shared<Cluster>(std::move(pools));
    }
    next[spec.name] = {spec.endpoints, cluster};
    out.push_back(std::move(cluster));
  }
  clusters_ = std::move(next);
  std::erase_if(pools_, [](const auto& entry) { return entry.second.expired(); });
  return out;
}

}  // namespace aralez
