#pragma once

#include "config/diagnostics.h"
#include "control/schema/main_config.h"

namespace aralez {

enum class StartAs : bool { foreground, daemon };

/// For -t: what a start wants of the system beside the configuration, which are accounts that it
/// may become and files that it may write. Makes none of them.
void check_start(const MainConfig& main, StartAs how, Diagnostics& diagnostics);

}  // namespace aralez
