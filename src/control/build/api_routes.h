#pragma once

#include "config/diagnostics.h"
#include "control/schema/main_config.h"
#include "control/schema/upstreams_config.h"

namespace aralez {

/// Whether a connection to `server` from this machine ends at `listener`, as far as can be told
/// without looking names up.
[[nodiscard]] bool leads_to(const ServerConfig& server, const SocketAddress& listener);
/// Whether a server of the route is our own API.
[[nodiscard]] bool leads_to_api(const PathConfig& path, const MainConfig& main);
/// A warning for each such server.
void warn_of_api_routes(const UpstreamsConfig& upstreams, const MainConfig& main,
                        Diagnostics& diagnostics);

}  // namespace aralez
