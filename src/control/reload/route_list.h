#pragma once

#include <string>

#include "control/schema/upstreams_config.h"
#include "proxy/snapshot.h"

namespace aralez {

/// The route table as one record of the log (behaviour section 15.1).
[[nodiscard]] std::string list_routes(const Snapshot& snapshot, const UpstreamsConfig& config);

}  // namespace aralez
