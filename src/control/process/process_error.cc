#include "control/process/process_error.h"

#include <fmt/format.h>

#include <system_error>

namespace aralez {

std::unexpected<ProcessError> process_error(int code, std::string_view subject) {
  return std::unexpected(
      ProcessError{code, fmt::format("{}: {}", subject, std::generic_category().message(code))});
}

}  // namespace aralez
