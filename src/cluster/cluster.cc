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

/// Fewer than half of those that are up take requests.
bool Cluster::panics() const noexcept {
  std::size_t up = 0;
  std::size_t serving = 0;
  for (const ClusterMember& m : members_) {
    if (!m.up()) continue;
    ++up;
    if (m.pool->reach() == Reach::in) ++serving;
  }
  return serving * 2 < up;
}

bool Cluster::take(const ClusterMember& m) noexcept {
  return m.serves() || (m.up() && (m.pool->take_trial() || panics()));
}

bool Cluster::usable(std::uint32_t place) const noexcept {
  const ClusterMember& m = members_[place];
  return m.serves() || (m.up() && (m.pool->may_try() || panics()));
}

std::uint32_t Cluster::pick_other(const TriedEndpoints& tried) noexcept {
  const auto n = static_cast<std::uint32_t>(members_.size());
  const bool any = panics();
  std::uint32_t last_resort = kNone;
  for (std::uint32_t i = 0; i < n; ++i) {
    const std::uint32_t place = (turn_ + i) % n;
    const ClusterMember& m = members_[place];
    if (!m.up() || tried.has(place)) continue;
    if (m.pool->reach() == Reach::in || m.pool->take_trial() || any) {
      turn_ = place + 1;
      return place;
    }
    if (last_resort == kNone) last_resort = place;
  }
  if (last_resort != kNone) turn_ = last_resort + 1;
  return last_resort;
}

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
             .max_idle = idle_share(services),
             .worker = services.worker} {}

std::shared_ptr<EndpointPool> ClusterManager::pool(const EndpointSpec& spec) {
  auto& known = pools_[spec.key()];
  if (auto there = known.lock()) return there;
  auto made = std::make_shared<EndpointPool>(share_, spec);
  known = made;
  return made;
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
      std::vector<ClusterMember> members;
      members.reserve(spec.endpoints.size());
      for (const EndpointSpec& e : spec.endpoints)
        members.push_back({pool(e), e.health ? e.health : HealthState::unchecked()});
      cluster = std::make_shared<Cluster>(std::move(members));
    }
    next[spec.name] = {spec.endpoints, cluster};
    out.push_back(std::move(cluster));
  }
  clusters_ = std::move(next);
  std::erase_if(pools_, [](const auto& entry) { return entry.second.expired(); });
  return out;
}

}  // namespace aralez
