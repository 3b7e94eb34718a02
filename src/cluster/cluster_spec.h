#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/id.h"
#include "base/limits.h"
#include "tls/client_context.h"

namespace aralez {

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

  /// Endpoints that are equal share their connections.
  friend bool operator==(const EndpointSpec& a, const EndpointSpec& b) {
    return a.host == b.host && a.port == b.port && a.pin == b.pin && a.judge() == b.judge();
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
