#pragma once

#include <optional>

#include "control/top/top.h"

namespace aralez {

/// Either options or the exit code, as ParsedOptions.
struct ParsedTopOptions {
  std::optional<top::TopOptions> options;
  int exit_code = 0;
};
/// The command line of `aralez top`, `top` included as argv[0]. Reads the main.yaml that it names.
[[nodiscard]] ParsedTopOptions parse_top_options(int argc, char** argv);

}  // namespace aralez
