#pragma once

#include "base/limits.h"
#include "cluster/endpoint_state.h"

namespace aralez {

/// What one worker concludes from its own connects to an endpoint. After `upstream_max_fails` in a
/// row the endpoint is left out for `upstream_fail_timeout`, twice as long each time it fails the
/// trial that follows, up to `upstream_max_fail_timeout`. Any success ends it. Time comes in as an
/// argument; no I/O.
///
///   in --max_fails--> out --time is over, next pick--> trial --failure--> out, --success--> in
class PassiveHealth {
 public:
  /// `limits` outlives it; the longest wait is no shorter than the first. `seed` spreads the ends
  /// of what many workers and endpoints wait for.
  PassiveHealth(const Limits& limits, EndpointCell& cell, std::uint64_t seed)
      : limits_(limits), cell_(cell), random_(seed | 1) {}

  [[nodiscard]] Reach reach() const noexcept { return reach_; }
  /// A request was not to be sent because of a failed connect. Several of one loop turn are one
  /// event: requests that wait for the same connect, or for connects that the same packet refused.
  /// True when the endpoint is left out from now on, and was not before.
  [[nodiscard]] bool failed(TimePoint now) noexcept;
  /// It took a connection, or answered on one. True when it is taken again because of that.
  [[nodiscard]] bool succeeded() noexcept {
    if (failures_ == 0) [[likely]]
      return false;
    return reset();
  }
  /// Whether one request may find out if it is back. `reached`: when others last reached it.
  [[nodiscard]] bool may_try(TimePoint now, TimePoint reached) const noexcept {
    return reach_ != Reach::in && (now >= until_ || reached > since_);
  }
  /// That request is on its way. Another may follow when nothing is heard of it as long as it was
  /// waited for.
  void begin_trial(TimePoint now) noexcept;
  /// Of the latest wait.
  [[nodiscard]] Millis wait() const noexcept { return wait_; }

 private:
  bool reset() noexcept;
  void leave_out(TimePoint now, Millis wait) noexcept;
  void set(Reach reach) noexcept {
    reach_ = reach;
    cell_.reach.store(reach, std::memory_order_relaxed);
  }

  const Limits& limits_;
  EndpointCell& cell_;
  Reach reach_ = Reach::in;
  std::uint8_t failures_ = 0;
  std::uint64_t random_;
  Millis wait_{};
  TimePoint since_ = TimePoint::min();
  TimePoint until_ = TimePoint::min();
  TimePoint last_ = TimePoint::min();  ///< failure
};

}  // namespace aralez
