#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/endpoint_pool.h"
#include "cluster/name_log.h"
#include "http/endpoint_choice.h"

namespace aralez {

/// A cluster as one worker knows it: the turn of the round robin and the pools of its endpoints.
class Cluster {
 public:
  explicit Cluster(std::vector<std::shared_ptr<EndpointPool>> endpoints)
      : endpoints_(std::move(endpoints)) {}

  [[nodiscard]] std::size_t size() const noexcept { return endpoints_.size(); }
  // Pre of all that follow: size() > 0, places below it.

  /// Place of the endpoint for a request: the one that is wanted, if it may be used, or the one
  /// whose turn it is (behaviour sections 4.1 and 4.2).
  [[nodiscard]] std::uint32_t pick(std::uint32_t wanted) noexcept {
    if (wanted < endpoints_.size()) return wanted;
    if (turn_ >= endpoints_.size()) turn_ = 0;
    return turn_++;
  }
  /// The one to try when `failed` could not be reached: as many tries as there are endpoints reach
  /// each of them, whatever other requests do meanwhile.
  [[nodiscard]] std::uint32_t after(std::uint32_t failed) const noexcept {
    return failed + 1 < endpoints_.size() ? failed + 1 : 0;
  }
  [[nodiscard]] EndpointPool& endpoint(std::uint32_t place) noexcept { return *endpoints_[place]; }
  /// The endpoint whose turn it is.
  [[nodiscard]] EndpointPool& next() noexcept { return endpoint(pick(EndpointChoice::kNone)); }
  [[nodiscard]] const std::vector<std::shared_ptr<EndpointPool>>& endpoints() const noexcept {
    return endpoints_;
  }

 private:
  std::vector<std::shared_ptr<EndpointPool>> endpoints_;  ///< plain counts: one worker
  std::uint32_t turn_ = 0;
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
};

/// All clusters and pools of one worker. Survives configuration changes: what is unchanged keeps
/// its connections and its turn.
class ClusterManager {
 public:
  explicit ClusterManager(const ClusterServices& services);

  /// The runtime clusters for `specs`, in the same order. A pool lives as long as a cluster that
  /// names it: those of an older generation go when its last exchange does.
  [[nodiscard]] std::vector<std::shared_ptr<Cluster>> adopt(const std::vector<ClusterSpec>& specs);

  [[nodiscard]] std::size_t idle_connections() const noexcept { return share_.idle_count; }

 private:
  std::shared_ptr<EndpointPool> pool_for(const EndpointSpec& spec);
  static std::string key_of(const EndpointSpec& spec);

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
