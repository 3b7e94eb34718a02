#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/unique_fd.h"
#include "control/process/process_error.h"

namespace aralez {

struct DaemonOptions {
  std::string error_log;  ///< gets standard output and error, appended; empty: nothing does
};

/// Held by a daemon that is starting. While it lives, the process that the user started waits, and
/// messages still go to the user's terminal. Destroyed before ready(): the start failed, the
/// waiting process exits with 1.
class DaemonStart {
 public:
  /// The service is up: standard output and error move to `error_log`, the waiting process exits
  /// with 0.
  void ready();

 private:
  friend std::expected<DaemonStart, ProcessError> daemonize(const DaemonOptions& options);
  DaemonStart(UniqueFd waiter, UniqueFd output)
      : waiter_(std::move(waiter)), output_(std::move(output)) {}

  UniqueFd waiter_;
  UniqueFd output_;
};

/// Goes to the background: two forks, a session of its own, umask 027, standard input from
/// /dev/null. Returns in the daemon only; the process that called exits when the daemon is ready or
/// has failed. The working directory stays, relative paths of the configuration mean what they
/// meant. Errors, all of them in the calling process: other threads exist (EBUSY), `error_log`
/// cannot be opened, no process or pipe to be had.
[[nodiscard]] std::expected<DaemonStart, ProcessError> daemonize(const DaemonOptions& options);

}  // namespace aralez
