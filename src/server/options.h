#pragma once

#include <optional>
#include <string>

namespace aralez {

struct Options {
  enum class Action : unsigned char { run, test, explain };
  Action action = Action::run;
  std::string conf;
  std::string explain;  ///< "GET http://host/path"
  bool daemon = false;
  bool upgrade = false;
};

/// Either options or the exit code of a command line that is answered already (help, version, usage
/// error 2).
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};
[[nodiscard]] ParsedOptions parse_options(int argc, char** argv);

}  // namespace aralez
