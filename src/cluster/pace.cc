#include "cluster/pace.h"

#include <algorithm>
#include <utility>

namespace aralez {

void Pace::move_on(TimePoint now) noexcept {
  const bool both = now - since_ >= 2 * kYoung;
  slow_ += std::exchange(older_, both ? 0 : newer_);
  if (both) slow_ += newer_;
  newer_ = 0;
  age_ += both ? 2 : 1;
  if (age_ < 2) age_ = 2;  // after 2^32 of them
  since_ = now;
  if (state_ != State::open) {
    if (both) begin_round(state_, now);  // nothing to do in between
    return judge_slow(now);
  }
  if (now < until_) return;
  fast_ = slow_ = 0;
  begin_round(State::paced, now);
}

void Pace::judge_slow(TimePoint now) noexcept {
  if (slow_ >= kSlowEnough && slow_ * kSlowShare > fast_ + slow_) return open(now);
  if (fast_ + slow_ < kWindow) return;
  fast_ /= 2;
  slow_ /= 2;
}

void Pace::end_round(TimePoint now) noexcept {
  if (state_ == State::open) return;
  const std::chrono::duration<double, std::micro> lasted = now - round_since_;
  const Flow flow{.rate = round_answers_ / lasted.count(),
                  .in_flight = static_cast<double>(round_time_) / lasted.count()};
  if (state_ == State::paced) {
    before_ = flow;
    return begin_round(demand_ && now >= until_ ? State::trial : State::paced, now);
  }
  const double more_given = flow.in_flight / before_.in_flight;
  const double more_done = flow.rate / before_.rate;
  if (more_given > kMoreGiven && more_done > (1 + more_given) / 2) {
    if (++proofs_ == kProofs) return open(now);
  } else {
    proofs_ = 0;
    rest_ = kFirstRest;
    until_ = now + trial_wait_;
    trial_wait_ = std::min(trial_wait_ * 2, kLongestTrial);
  }
  begin_round(State::paced, now);
}

void Pace::begin_round(State state, TimePoint now) noexcept {
  state_ = state;
  demand_ = false;
  round_since_ = now;
  round_answers_ = 0;
  round_time_ = 0;
}

void Pace::open(TimePoint now) noexcept {
  begin_round(State::open, now);
  proofs_ = 0;
  fast_ = slow_ = 0;
  trial_wait_ = kFirstTrial;
  until_ = now + rest_;
  rest_ = std::min(rest_ * 2, kLongestRest);
}

}  // namespace aralez
