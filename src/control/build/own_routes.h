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
/// Whether a server of the route is a listener of this proxy for clients: its requests come back.
[[nodiscard]] bool leads_to_proxy(const PathConfig& path, const MainConfig& main);
/// A warning for each server that is one of our own listeners, but for the file server.
void warn_of_own_routes(const UpstreamsConfig& upstreams, const MainConfig& main,
                        Diagnostics& diagnostics);

}  // namespace aralez
