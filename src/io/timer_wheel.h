#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/intrusive_list.h"

namespace aralez {

class TimerWheel;

/// A deadline of something on one worker. Moving a deadline later costs a store: the wheel finds
/// out when the old slot comes up. Cancels itself when destroyed.
class Timer : private ListNode {
 public:
  Timer() = default;
  virtual ~Timer() = default;

  /// (Re)arms for `deadline`; an earlier arming is replaced.
  void arm(TimerWheel& wheel, TimePoint deadline) noexcept;
  void cancel() noexcept { armed_ = false; }
  [[nodiscard]] bool armed() const noexcept { return armed_; }
  [[nodiscard]] TimePoint deadline() const noexcept { return deadline_; }

 protected:
  /// The deadline has passed. May re-arm, and may retire its owner, but not destroy it.
  virtual void on_timer(TimePoint now) = 0;

 private:
  friend class TimerWheel;
  friend class IntrusiveList<Timer>;
  TimePoint deadline_{};
  TimePoint slot_time_{};
  bool armed_ = false;
};

/// Timer as a member: calls `fn(owner, now)`.
template <class Owner, void (Owner::*Fn)(TimePoint)>
class MemberTimer final : public Timer {
 public:
  explicit MemberTimer(Owner& owner) : owner_(owner) {}

 private:
  void on_timer(TimePoint now) override { (owner_.*Fn)(now); }
  Owner& owner_;
};

/// Hashed wheel, 10 ms per slot. Deadlines beyond one turn stay in their slot for more turns. Time
/// comes in.
class TimerWheel {
 public:
  static constexpr Millis kTick{10};

  explicit TimerWheel(TimePoint now);

  /// Fires what is due. Timers armed while firing run in a later call.
  void advance(TimePoint now);
  /// How long nothing can be due; `none` when no timer is armed.
  [[nodiscard]] Millis until_next(TimePoint now, Millis none) const noexcept;

 private:
  friend class Timer;
  static constexpr std::size_t kSlots = 4096;

  [[nodiscard]] std::uint64_t tick_of(TimePoint t) const noexcept {
    return t <= start_ ? 0 : static_cast<std::uint64_t>((t - start_) / kTick);
  }
  void link(Timer& t) noexcept;

  TimePoint start_;
  std::uint64_t tick_ = 0;      ///< every tick below this has been fired
  std::uint64_t earliest_ = 0;  ///< where a timer may still be put: behind the call that is firing
  TimePoint firing_{};          ///< time of the last call
  std::vector<IntrusiveList<Timer>> slots_;
  std::array<std::uint64_t, kSlots / 64> used_{};  ///< slots that may hold timers
};

}  // namespace aralez
