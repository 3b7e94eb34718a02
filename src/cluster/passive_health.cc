#include "cluster/passive_health.h"

#include <algorithm>
#include <limits>

namespace aralez {

bool PassiveHealth::failed(TimePoint now) noexcept {
  if (now == last_) return false;
  last_ = now;
  switch (reach_) {
    case Reach::in:
      if (failures_ < std::numeric_limits<std::uint8_t>::max()) ++failures_;
      cell_.failures_in_row.store(failures_, std::memory_order_relaxed);
      if (limits_.upstream_max_fails == 0 || failures_ < limits_.upstream_max_fails) return false;
      cell_.ejections.store(cell_.ejections.load(std::memory_order_relaxed) + 1,
                            std::memory_order_relaxed);
      leave_out(now, limits_.upstream_fail_timeout);
      return true;
    case Reach::trial:
      leave_out(now, std::min(wait_ * 2, limits_.upstream_max_fail_timeout));
      return false;
    case Reach::out: break;  // of a request that began before, or that had no other server
  }
  return false;
}

void PassiveHealth::leave_out(TimePoint now, Millis wait) noexcept {
  random_ ^= random_ << 13;  // xorshift64: spreading needs no better one
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  wait_ = wait;
  since_ = now;
  // Between 90 and 110 %.
  until_ = now + wait * 9 / 10 + wait * static_cast<std::int64_t>(random_ % 1024) / 5 / 1024;
  set(Reach::out);
}

void PassiveHealth::begin_trial(TimePoint now) noexcept {
  since_ = now;
  until_ = now + wait_;
  set(Reach::trial);
}

bool PassiveHealth::reset() noexcept {
  failures_ = 0;
  cell_.failures_in_row.store(0, std::memory_order_relaxed);
  const bool was_out = reach_ != Reach::in;
  if (was_out) set(Reach::in);
  return was_out;
}

}  // namespace aralez
