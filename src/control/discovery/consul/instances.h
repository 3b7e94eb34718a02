#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "control/schema/upstreams_config.h"

namespace aralez {

/// Which answer of Consul it is.
enum class ConsulAnswer : bool {
  health,  ///< of /v1/health/service: instances with their checks
  catalog  ///< of /v1/catalog/service
};

/// The servers in an answer, or what is wrong with it. Of `health` those whose checks pass or warn;
/// when there is none of these, all but those in maintenance: our own health checks decide then.
/// Instances without an address or a port are left out; when there are no others it is an error.
[[nodiscard]] std::expected<std::vector<ServerConfig>, std::string> consul_servers(
    std::string_view text, ConsulAnswer kind);

}  // namespace aralez
