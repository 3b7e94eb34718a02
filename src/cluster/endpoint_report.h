#pragma once

#include <span>

#include "cluster/health_state.h"

namespace aralez {

/// One check of an endpoint, for people and for metrics.
struct CheckReport {
  std::string path;  ///< what is asked for; of gRPC the service
  HealthState::Facts facts;
};

/// One endpoint, whichever routes name it.
struct EndpointReport {
  std::string address;  ///< `host:port`
  ProtocolPin pin = ProtocolPin::detect;
  EndpointTotals totals;
  std::vector<CheckReport> checks;  ///< none: it is not checked

  /// Of all checks the worst; up when it is not checked.
  [[nodiscard]] Health health() const noexcept;
};

/// What is known of the endpoints of `clusters`, each once, in the order of their first mention.
/// Any thread but a worker; costs a few hundred nanoseconds for each.
[[nodiscard]] std::vector<EndpointReport> report_endpoints(std::span<const ClusterSpec> clusters);
/// The same of one cluster, in its order, with the check of that route alone.
[[nodiscard]] std::vector<EndpointReport> report_endpoints(const ClusterSpec& cluster);

}  // namespace aralez
