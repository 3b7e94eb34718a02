#include "control/process/signals.h"

#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace aralez {
namespace {

ProcessSignal name_of(int number) {
  switch (number) {
    case SIGINT: return ProcessSignal::interrupt;
    case SIGQUIT: return ProcessSignal::quit;
    case SIGHUP: return ProcessSignal::hangup;
    default: assert(number == SIGTERM); return ProcessSignal::terminate;
  }
}

timespec to_timespec(std::chrono::nanoseconds t) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(t);
  return {.tv_sec = seconds.count(), .tv_nsec = (t - seconds).count()};
}

}  // namespace

SignalWaiter::SignalWaiter() {
  ::sigemptyset(&set_);
  for (const int s : {SIGINT, SIGTERM, SIGQUIT, SIGHUP}) ::sigaddset(&set_, s);
  ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

ProcessSignal SignalWaiter::wait() {
  while (true) {
    const int number = ::sigwaitinfo(&set_, nullptr);
    if (number > 0) return name_of(number);
    assert(errno == EINTR);
  }
}

std::optional<ProcessSignal> SignalWaiter::wait_for(Millis timeout) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + timeout;
  while (true) {
    const timespec left = to_timespec(std::max(end - Clock::now(), Clock::duration::zero()));
    const int number = ::sigtimedwait(&set_, nullptr, &left);
    if (number > 0) return name_of(number);
    if (errno != EINTR) return std::nullopt;
  }
}

}  // namespace aralez
