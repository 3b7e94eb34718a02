#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "cluster/cluster_spec.h"
#include "filter/filter.h"
#include "observe/route_counters.h"
#include "route/challenge_table.h"
#include "route/route_table.h"

namespace aralez {

struct RouteTimeouts {
  Millis connect;
  Millis first_byte;
  Millis idle;
};

/// What happens to a request that matched. Exactly one of `cluster` and `responder` is the terminal
/// step.
struct Route {
  std::string host;  ///< key of the configuration; DEFAULT for the catch-all
  std::string path;
  std::string source;  ///< file:line it was configured at
  FilterChain chain;
  std::optional<ClusterId> cluster;
  std::shared_ptr<const Responder> responder;
  RouteTimeouts timeouts;
  std::uint32_t series = RouteSeries::kNoRoute;  ///< in what is counted per route
};

/// One generation of configuration, immutable, shared by all workers.
struct Snapshot {
  std::uint64_t generation = 0;
  RouteTable table;
  std::vector<Route> routes;           ///< by RouteId
  std::vector<ClusterSpec> clusters;   ///< by ClusterId
  std::optional<RouteId> file_route;   ///< everything on file_server_address
  std::optional<RouteId> admin_route;  ///< everything on config_address
  /// Challenges that are met go here, before the table is asked; null: there never are any.
  std::shared_ptr<const ChallengeTable> challenges;
  std::optional<RouteId> challenge_route;
};

/// A generation as one worker holds it. Exchanges count here, without atomics.
struct LocalSnapshot {
  std::shared_ptr<const Snapshot> shared;
  std::vector<std::shared_ptr<Cluster>> clusters;  ///< by ClusterId
  std::uint32_t exchanges = 0;
};

/// The generations a worker still needs, newest last.
class SnapshotHolder {
 public:
  void adopt(std::shared_ptr<const Snapshot> next, ClusterManager& clusters) {
    auto local = std::make_unique<LocalSnapshot>();
    local->clusters = clusters.adopt(next->clusters);
    local->shared = std::move(next);
    kept_.push_back(std::move(local));
    forget_unused();
  }
  /// Pre: adopt() was called.
  [[nodiscard]] LocalSnapshot& current() noexcept { return *kept_.back(); }
  void release(LocalSnapshot& s) {
    if (--s.exchanges == 0 && &s != kept_.back().get()) forget_unused();
  }

 private:
  void forget_unused() {
    const LocalSnapshot* newest = kept_.back().get();
    std::erase_if(kept_,
                  [newest](const auto& s) { return s->exchanges == 0 && s.get() != newest; });
  }
  std::vector<std::unique_ptr<LocalSnapshot>> kept_;
};

}  // namespace aralez
