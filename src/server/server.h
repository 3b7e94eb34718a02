#pragma once

#include "server/options.h"

namespace aralez {

/// The whole program behind the command line. Returns the exit code: 0, 1 for a configuration or
/// start-up error.
[[nodiscard]] int run(const Options& options);

}  // namespace aralez
