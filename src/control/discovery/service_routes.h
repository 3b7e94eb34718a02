#pragma once

#include <vector>

#include "control/discovery/discovery.h"

namespace aralez {

/// The routes of the services of a configuration, with the servers that are known. A service
/// without any keeps its route, which answers 502: the route above it may have weaker settings.
[[nodiscard]] std::vector<HostConfig> service_routes(const UpstreamsConfig& config,
                                                     const DiscoveredServices& known);

}  // namespace aralez
