#pragma once

#include "control/build/build.h"

namespace aralez {

/// The filters of a route in the order they run (behaviour section 3.3). The one place that names
/// them all: a new filter adds a line here.
[[nodiscard]] FilterChain make_chain(const MainConfig& main, const UpstreamsConfig& upstreams,
                                     const PathConfig& path);

}  // namespace aralez
