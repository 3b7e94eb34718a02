#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/limits.h"

namespace aralez {

using ClusterId = Id<struct ClusterTag>;

/// Where an endpoint listens: a numeric address or a name, which is resolved when a connection is
/// made.
struct EndpointSpec {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;

  friend bool operator==(const EndpointSpec&, const EndpointSpec&) = default;
};

/// The servers of one route. Part of the snapshot; what a worker remembers about it is keyed by
/// `name`.
struct ClusterSpec {
  std::string name;  ///< host key and path key of its route
  std::vector<EndpointSpec> endpoints;
};

}  // namespace aralez
