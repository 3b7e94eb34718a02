#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace aralez::h2 {

/// How much of something a peer may do: refilled with time, and by useful work.
class Budget {
 public:
  Budget(double most, double per_second, TimePoint now) noexcept
      : left_(most), most_(most), per_second_(per_second), last_(now) {}

  /// False when it is used up.
  [[nodiscard]] bool spend(double n, TimePoint now) noexcept {
    if (now != last_) {
      earn(std::chrono::duration<double>(now - last_).count() * per_second_);
      last_ = now;
    }
    left_ -= n;
    return left_ >= 0;
  }
  void earn(double n) noexcept { left_ = std::min(most_, left_ + n); }

 private:
  double left_;
  double most_;
  double per_second_;
  TimePoint last_;
};

}  // namespace aralez::h2
