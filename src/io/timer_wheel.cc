#include "io/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace aralez {

void Timer::arm(TimerWheel& wheel, TimePoint deadline) noexcept {
  deadline_ = deadline;
  armed_ = true;
  // A slot that this call may still visit is as good only when it finds the deadline ahead.
  if (linked() && slot_time_ <= deadline && deadline > wheel.firing_) return;
  unlink();
  wheel.link(*this);
}

TimerWheel::TimerWheel(TimePoint now) : start_(now), firing_(now), slots_(kSlots) {}

void TimerWheel::link(Timer& t) noexcept {
  // Rounded up, so that a timer never fires early; never into a tick that has been fired or will be
  // in this call.
  const std::uint64_t wanted = tick_of(t.deadline_) + 1;
  const std::uint64_t at = std::clamp(wanted, earliest_, earliest_ + kSlots - 1);
  t.slot_time_ = start_ + kTick * static_cast<std::int64_t>(at);
  slots_[at % kSlots].push_back(t);
  used_[(at % kSlots) / 64] |= 1ULL << (at % 64);
}

void TimerWheel::advance(TimePoint now) {
  const std::uint64_t until = tick_of(now);
  firing_ = now;
  if (until < tick_) return;
  earliest_ = until + 1;
  // After a delay of more than a turn every slot is visited once.
  if (earliest_ - tick_ > kSlots) tick_ = earliest_ - kSlots;
  while (tick_ <= until) {
    const std::size_t slot = tick_ % kSlots;
    const std::uint64_t word = used_[slot / 64];
    if (word == 0) {  // nothing in these 64 slots: skip to the next word
      tick_ = std::min(until + 1, (tick_ / 64 + 1) * 64);
      continue;
    }
    ++tick_;
    if ((word >> (slot % 64) & 1) == 0) continue;
    used_[slot / 64] &= ~(1ULL << (slot % 64));
    IntrusiveList<Timer> due;
    slots_[slot].splice_to(due);
    while (!due.empty()) {
      Timer& t = due.pop_front();
      if (!t.armed_) continue;
      if (t.deadline_ > now) {
        link(t);
        continue;
      }
      t.armed_ = false;
      t.on_timer(now);
    }
  }
}

Millis TimerWheel::until_next(TimePoint now, Millis none) const noexcept {
  for (std::uint64_t step = 0; step < kSlots;) {
    const std::uint64_t at = tick_ + step;
    const std::size_t slot = at % kSlots;
    const std::uint64_t rest = used_[slot / 64] >> (slot % 64);
    if (rest != 0) {
      const auto due = start_ + kTick * static_cast<std::int64_t>(
                                            at + static_cast<unsigned>(std::countr_zero(rest)));
      return due <= now ? Millis{0} : std::chrono::ceil<Millis>(due - now);
    }
    step += 64 - slot % 64;
  }
  return none;
}

}  // namespace aralez
