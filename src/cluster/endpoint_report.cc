#include "cluster/endpoint_report.h"

#include <unordered_map>
#include <unordered_set>

namespace aralez {
namespace {

EndpointReport about(const EndpointSpec& spec) {
  EndpointReport r{.pin = spec.pin};
  if (!spec.state) return r;
  r.address = spec.state->name();
  r.totals = spec.state->totals();
  return r;
}

CheckReport about(const HealthState& check) {
  const bool grpc = check.spec().kind == HealthCheckSpec::Kind::grpc;
  return {.path = grpc ? check.spec().service : check.spec().path, .facts = check.facts()};
}

}  // namespace

Health EndpointReport::health() const noexcept {
  Health worst = checks.empty() ? Health::up : Health::unknown;
  for (const CheckReport& c : checks) {
    if (c.facts.verdict == Health::down) return Health::down;
    if (c.facts.verdict == Health::up) worst = Health::up;
  }
  return worst;
}

std::vector<EndpointReport> report_endpoints(std::span<const ClusterSpec> clusters) {
  std::vector<EndpointReport> out;
  std::unordered_map<const EndpointState*, std::size_t> index;
  std::unordered_set<const HealthState*> seen;
  for (const ClusterSpec& cluster : clusters) {
    for (const EndpointSpec& spec : cluster.endpoints) {
      if (!spec.state) continue;
      const auto [at, is_new] = index.emplace(spec.state.get(), out.size());
      if (is_new) out.push_back(about(spec));
      if (spec.health && seen.insert(spec.health.get()).second)
        out[at->second].checks.push_back(about(*spec.health));
    }
  }
  return out;
}

std::vector<EndpointReport> report_endpoints(const ClusterSpec& cluster) {
  std::vector<EndpointReport> out;
  out.reserve(cluster.endpoints.size());
  for (const EndpointSpec& spec : cluster.endpoints) {
    out.push_back(about(spec));
    if (spec.health) out.back().checks.push_back(about(*spec.health));
  }
  return out;
}

}  // namespace aralez
