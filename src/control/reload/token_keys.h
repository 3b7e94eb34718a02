#pragma once

#include <string>
#include <vector>

#include "control/schema/main_config.h"
#include "control/schema/upstreams_config.h"

namespace aralez {

/// What is wrong with the secrets of authorization by token: there is none, or it can be guessed.
[[nodiscard]] std::vector<std::string> token_key_warnings(const UpstreamsConfig& config,
                                                          const MainConfig& main);

}  // namespace aralez
