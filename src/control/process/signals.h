#pragma once

#include <csignal>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace aralez {

/// What the operator may tell the process (behaviour section 15.4).
enum class ProcessSignal : std::uint8_t {
  interrupt,  ///< SIGINT
  terminate,  ///< SIGTERM
  quit,       ///< SIGQUIT
  hangup,     ///< SIGHUP
};

/// Takes the process signals away from handlers and hands them to one thread. The constructor
/// blocks INT, TERM, QUIT and HUP and ignores PIPE, for good: make it first thing in main, threads
/// made later inherit it. A signal that comes before anyone waits is not lost. wait() is for one
/// thread.
class SignalWaiter {
 public:
  SignalWaiter();
  SignalWaiter(const SignalWaiter&) = delete;
  SignalWaiter& operator=(const SignalWaiter&) = delete;

  [[nodiscard]] ProcessSignal wait();
  /// Nothing when none came within `timeout`; 0 just looks.
  [[nodiscard]] std::optional<ProcessSignal> wait_for(Millis timeout);

 private:
  sigset_t set_{};
};

}  // namespace aralez
