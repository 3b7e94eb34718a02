#pragma once

#include <string>

#include "admin/status_report.h"
#include "observe/metrics/metrics.h"

namespace aralez {

/// What /metrics makes of what /status has. Reads the endpoints too, which costs a few hundred
/// nanoseconds each: any thread but a worker.
[[nodiscard]] MetricsInput metrics_of(const StatusInput& input);

}  // namespace aralez
