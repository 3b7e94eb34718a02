#pragma once

#include <functional>
#include <memory>

#include "cluster/endpoint_registry.h"
#include "control/schema/main_config.h"
#include "control/schema/upstreams_config.h"
#include "proxy/snapshot.h"

namespace aralez {

/// Where the settings of a route are, innermost last.
struct RouteConfig {
  const MainConfig& main;
  const UpstreamsConfig& upstreams;
  const HostConfig& host;
  const PathConfig& path;
};

/// Makes the filters of a route; server/registry.cc has the one that names them.
using ChainMaker = std::function<FilterChain(const RouteConfig&)>;

struct BuildInputs {
  const MainConfig& main;
  const UpstreamsConfig& upstreams;
  ChainMaker make_chain;
  std::shared_ptr<const Responder> files;  ///< null when there is no file server
  std::shared_ptr<const Responder> admin;  ///< null in tests
  /// Who answers challenges that are met, and which these are; both null in tests.
  std::shared_ptr<const Responder> challenge_responder = nullptr;
  std::shared_ptr<const ChallengeTable> challenges = nullptr;
  RouteSeries* series = nullptr;  ///< null in tests: nothing is counted per route
  /// Where endpoints and their checks are known from earlier snapshots; null: nothing is checked.
  EndpointRegistry* endpoints = nullptr;
  std::uint64_t generation = 0;
  std::uint64_t hash_key = 0;  ///< of the route table; stays for the life of the process
};

/// Turns typed configuration into an immutable snapshot. The configuration was checked before, so
/// this cannot fail.
[[nodiscard]] std::shared_ptr<const Snapshot> build_snapshot(const BuildInputs& inputs);

}  // namespace aralez
