#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/limits.h"
#include "tls/client_context.h"

namespace aralez {

class EndpointState;
class HealthState;

using ClusterId = Id<struct ClusterTag>;

/// What the configuration says of the protocol of an endpoint: a scheme, or nothing.
enum class ProtocolPin : std::uint8_t { detect, http, https, h2c };

/// Where an endpoint listens: a numeric address or a name, which is resolved when a connection is
/// made.
struct EndpointSpec {
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  ProtocolPin pin = ProtocolPin::detect;
  /// Null: no TLS, and nothing to detect.
  std::shared_ptr<const ClientContext> tls = nullptr;
  /// The same object for specs of one key(), over reloads. Null: each pool has its own.
  std::shared_ptr<EndpointState> state = nullptr;
  /// Null: not checked, so never down. Of the route, not of the endpoint.
  std::shared_ptr<HealthState> health = nullptr;

  /// For a cluster that names them it makes no difference which of two equal ones it has.
  friend bool operator==(const EndpointSpec& a, const EndpointSpec& b) {
    return a.state == b.state && a.health == b.health && a.key() == b.key();
  }
  /// Equal for those that share their connections.
  [[nodiscard]] std::string key() const {
    return host + '|' + std::to_string(port) + '|' + std::to_string(static_cast<int>(pin)) + '|' +
           judge();
  }
  /// How its certificate is judged.
  [[nodiscard]] std::string judge() const { return tls ? tls->identity() : std::string(); }
};

/// The servers of one route. Part of the snapshot; what a worker remembers about it is keyed by
/// `name`.
struct ClusterSpec {
  std::string name;  ///< host key and path key of its route
  std::vector<EndpointSpec> endpoints;
};

}  // namespace aralez
