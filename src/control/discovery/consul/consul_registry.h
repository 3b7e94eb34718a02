#pragma once

#include <memory>

#include "control/discovery/service_registry.h"

namespace aralez {

/// Instances of services, from the HTTP API of Consul, by blocking queries.
[[nodiscard]] std::unique_ptr<ServiceRegistry> make_consul_registry(const ConsulConfig& config);

}  // namespace aralez
