#pragma once

#include <string>
#include <string_view>

#include "control/schema/main_config.h"
#include "proxy/snapshot.h"
#include "server/ask_servers.h"

namespace aralez {

/// What would happen to `request` ("GET http://host/path", the method may be left out) and why, for
/// a person. The servers that would get it are asked by `ask` what they speak.
[[nodiscard]] std::string explain(std::string_view request, const MainConfig& main,
                                  const Snapshot& snapshot, const AskServers& ask);

}  // namespace aralez
