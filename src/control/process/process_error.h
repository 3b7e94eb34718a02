#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace aralez {

/// Why the system refused something at start-up; `what` names the thing and the text of `code`, an
/// errno value.
struct ProcessError {
  int code = 0;
  std::string what;
};

/// "subject: text of code".
[[nodiscard]] std::unexpected<ProcessError> process_error(int code, std::string_view subject);

}  // namespace aralez
