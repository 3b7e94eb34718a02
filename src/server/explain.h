#pragma once

#include <string>
#include <string_view>

#include "control/schema/main_config.h"
#include "proxy/snapshot.h"

namespace aralez {

/// What would happen to `request` ("GET http://host/path", the method may be left out) and why, for
/// a person.
[[nodiscard]] std::string explain(std::string_view request, const MainConfig& main,
                                  const Snapshot& snapshot);

}  // namespace aralez
