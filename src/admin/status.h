#pragma once

#include <string>
#include <vector>

#include "control/reload/config_state.h"
#include "observe/route_counters.h"

namespace aralez {

/// The servers of every route and whether they are alive (`GET /status?live`, behaviour section
/// 12), byte for byte.
[[nodiscard]] std::string live_status(const ActiveConfig& active);
/// Those that are alive, with the settings of their route (`GET /status?all`).
/// `routes`: by host and path, those that had requests.
[[nodiscard]] std::string all_status(const ActiveConfig& active,
                                     const std::vector<RouteTotals>& routes = {});

}  // namespace aralez
