#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "control/process/process_error.h"

namespace aralez {

/// Sends `state` (for example "READY=1", "STOPPING=1") to the service manager's socket: a path, or
/// an abstract name after `@`. Never blocks for long: one datagram.
[[nodiscard]] std::expected<void, ProcessError> notify(std::string_view socket,
                                                       std::string_view state);

/// Tells the manager named by the environment variable NOTIFY_SOCKET that the service is up;
/// without one, does nothing. Once, after listeners are open and rights dropped. Reads the
/// environment: main thread.
[[nodiscard]] std::expected<void, ProcessError> notify_ready();

}  // namespace aralez
