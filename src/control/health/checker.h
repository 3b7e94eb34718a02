#pragma once

#include <memory>

#include "base/log.h"
#include "proxy/snapshot.h"

namespace aralez {

/// Checks the endpoints of the running configuration, on a thread of its own (behaviour section 5):
/// many at once, each at its own pace and within its own time, one check for all routes that ask
/// for the same. Says each change of a verdict in the log, once.
class HealthChecker {
 public:
  /// `logger` outlives it. No thread is started yet, so the process may still fork.
  explicit HealthChecker(Logger& logger);
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;
  /// Ends the thread; waits for no server.
  ~HealthChecker();

  /// Once.
  void start();
  /// Any thread: these endpoints are checked from now on, and no others.
  void watch(const Snapshot& snapshot);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace aralez
