#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/endpoint_pool.h"
#include "cluster/health_state.h"
#include "cluster/name_log.h"
#include "http/endpoint_choice.h"

namespace aralez {

/// A server of a cluster: the way to it, and what the checks of the route say.
struct ClusterMember {
  std::shared_ptr<EndpointPool> pool;
  std::shared_ptr<const HealthState> health;  ///< never null

  /// No check says that it is down.
  [[nodiscard]] bool up() const noexcept { return health->verdict() != Health::down; }
  /// It takes requests.
  [[nodiscard]] bool serves() const noexcept { return up() && pool->reach() == Reach::in; }
};

/// Endpoints of a cluster that an attempt has tried. Above 64 some share a bit, so that
/// one may be passed over: a request tries 16 by default.
class TriedEndpoints {
 public:
  void add(std::uint32_t place) noexcept { bits_ |= bit(place); }
  void clear() noexcept { bits_ = 0; }
  [[nodiscard]] bool has(std::uint32_t place) const noexcept { return (bits_ & bit(place)) != 0; }
  [[nodiscard]] bool none() const noexcept { return bits_ == 0; }

 private:
  static constexpr std::uint64_t bit(std::uint32_t i) noexcept {
    return std::uint64_t{1} << (i % 64);
  }
  std::uint64_t bits_ = 0;
};

/// A cluster as one worker knows it: the turn of the round robin and its endpoints. Those that a
/// check calls down take no requests, and when that is all of them the route is down. Those that
/// connects have failed to are left out as long as at least half of the rest stays; with fewer,
/// what has to be left out is not one of them but something that they share, and the load on what
/// stays would be its end (docs/adr/0017).
class Cluster {
 public:
  explicit Cluster(std::vector<ClusterMember> members) : members_(std::move(members)) {}

  /// No endpoint: none is wanted, or none can be had.
  static constexpr std::uint32_t kNone = EndpointChoice::kNone;

  [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
  [[nodiscard]] const std::vector<ClusterMember>& members() const noexcept { return members_; }
  /// Pre: place < size().
  [[nodiscard]] EndpointPool& endpoint(std::uint32_t place) noexcept {
    return *members_[place].pool;
  }

  /// Place of the endpoint for a request: the one that is wanted, if it is usable, or the one whose
  /// turn it is (behaviour sections 4.1 and 4.2). kNone: the route is down. Pre: size() > 0.
  [[nodiscard]] std::uint32_t pick(std::uint32_t wanted = kNone) noexcept {
    if (wanted < members_.size() && take(members_[wanted])) return wanted;
    if (turn_ >= members_.size()) turn_ = 0;
    if (members_[turn_].serves()) [[likely]]
      return turn_++;
    return pick_other({});
  }
  /// The one to try when `tried` could not be reached. Before there is none, those that are left
  /// out get a chance as well.
  [[nodiscard]] std::uint32_t pick_other(const TriedEndpoints& tried) noexcept;
  /// Whether pick() would grant the wish for it now. Pre: place < size().
  [[nodiscard]] bool usable(std::uint32_t place) const noexcept;

 private:
  [[nodiscard]] bool take(const ClusterMember& m) noexcept;
  [[nodiscard]] bool panics() const noexcept;

  std::vector<ClusterMember> members_;
  std::uint32_t turn_ = 0;  ///< plain counts: one worker
};

/// What the clusters of a worker are made with.
struct ClusterServices {
  Reactor& reactor;
  h1::HeadScratch& scratch;
  h2::Shared& h2;
  const Limits& limits;
  Logger& logger;
  CounterBlock& counters;
  std::size_t workers = 1;
  std::size_t worker = 0;  ///< which of them
};

/// All clusters and pools of one worker. Survives configuration changes: what is unchanged keeps
/// its connections and its turn.
class ClusterManager {
 public:
  explicit ClusterManager(const ClusterServices& services);

  /// The runtime clusters for `specs`, in the same order. A pool lives as long as a cluster that
  /// names it: those of an older generation go when its last exchange does.
  [[nodiscard]] std::vector<std::shared_ptr<Cluster>> adopt(const std::vector<ClusterSpec>& specs);

  /// The connections to an endpoint, for as long as somebody holds them.
  [[nodiscard]] std::shared_ptr<EndpointPool> pool(const EndpointSpec& spec);
  [[nodiscard]] std::size_t idle_connections() const noexcept { return share_.idle_count; }

 private:
  struct Known {
    std::vector<EndpointSpec> endpoints;
    std::shared_ptr<Cluster> cluster;
  };
  NameLog name_log_;
  Resolver resolver_;
  PoolShare share_;
  std::unordered_map<std::string, std::weak_ptr<EndpointPool>> pools_;
  std::unordered_map<std::string, Known> clusters_;
};

}  // namespace aralez
