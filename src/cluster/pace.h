#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace aralez {

/// How many requests a server that answers fast is given at once: kFew, and one more for every
/// kShare that wait, up to kMost. More would wait there instead of here, each on a connection of
/// its own that has left every cache by the time it is used again (docs/adr/0022). Two things show
/// that a server is not of that kind, and it gets everything at once for a rest:
///
/// - Too many answers are slow. A request without one after kYoung does not count any more.
/// - It does more when it is given more. A round of answers is compared with a trial round, with
///   twice as many on their way: where they only wait, no more of them are answered.
///
/// The rest is a second, twice as long each time it is found to be right. No I/O; time comes in as
/// an argument. `paced → trial → paced | open → paced`.
class Pace {
 public:
  static constexpr std::uint32_t kFew = 12;
  static constexpr std::uint32_t kShare = 4;
  static constexpr std::size_t kMost = 64;
  static constexpr Millis kYoung{10};  ///< up to twice that
  static constexpr Millis kFirstRest{1'000};
  static constexpr Millis kLongestRest{64'000};
  static constexpr Millis kFirstTrial{100};  ///< between two that find nothing; doubled
  static constexpr Millis kLongestTrial{10'000};
  static constexpr std::uint32_t kRound = 128;  ///< answers, at least
  static constexpr Millis kRoundTime{40};       ///< at least

  /// Stands for a request on its way.
  struct Ticket {
    std::uint32_t age = 0;      ///< 0: none
    std::uint32_t entered = 0;  ///< microseconds, modulo 2^32
  };
  enum class Left : std::uint8_t { answered, gone };

  /// Whether a request has to wait while `waiting` others do.
  [[nodiscard]] bool full(std::size_t waiting, TimePoint now) noexcept {
    if (now - since_ >= kYoung) move_on(now);
    if (state_ == State::open) return false;
    const std::size_t most = std::min(kFew + waiting / kShare, kMost);
    const bool full = newer_ + older_ >= (state_ == State::trial ? 2 * most : most);
    demand_ |= full;
    return full;
  }
  [[nodiscard]] Ticket enter(TimePoint now) noexcept {
    if (now - since_ >= kYoung) move_on(now);
    ++newer_;
    return {.age = age_, .entered = micros(now)};
  }
  /// An answer has begun, or none is expected any more.
  void leave(Ticket ticket, Left how, TimePoint now) noexcept {
    if (ticket.age == age_)
      --newer_;
    else if (ticket.age + 1 == age_)
      --older_;
    else
      return;
    if (how == Left::answered) answered(ticket, now);
  }

 private:
  enum class State : std::uint8_t { paced, trial, open };
  struct Flow {
    double rate = 0;  ///< answers per microsecond
    double in_flight = 0;
  };

  [[nodiscard]] static std::uint32_t micros(TimePoint t) noexcept {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count());
  }
  void answered(Ticket ticket, TimePoint now) noexcept {
    ++fast_;
    const std::uint32_t at = micros(now);
    if (at - ticket.entered > at - micros(round_since_)) return;  // sent in another round
    round_time_ += at - ticket.entered;
    if (++round_answers_ >= kRound && now - round_since_ >= kRoundTime) end_round(now);
  }
  void move_on(TimePoint now) noexcept;
  void judge_slow(TimePoint now) noexcept;
  void end_round(TimePoint now) noexcept;
  void begin_round(State state, TimePoint now) noexcept;
  void open(TimePoint now) noexcept;

  static constexpr std::uint32_t kWindow = 1024;  ///< answers that count for being slow
  static constexpr std::uint32_t kSlowEnough = 24;
  static constexpr std::uint32_t kSlowShare = 4;  ///< one in so many
  static constexpr double kMoreGiven = 1.1;       ///< with less a trial says nothing
  static constexpr std::uint8_t kProofs = 4;      ///< trials in a row that must agree

  TimePoint since_{};  ///< when the present age began
  std::uint32_t age_ = 2;
  std::uint32_t newer_ = 0;  ///< without an answer, of this age
  std::uint32_t older_ = 0;  ///< of the one before
  State state_ = State::paced;
  bool demand_ = false;  ///< in this round somebody had to wait
  std::uint8_t proofs_ = 0;
  TimePoint round_since_{};
  std::uint32_t round_answers_ = 0;
  std::uint64_t round_time_ = 0;  ///< microseconds, of all of them
  Flow before_;                   ///< the last round before a trial
  std::uint32_t fast_ = 0;
  std::uint32_t slow_ = 0;
  Millis rest_ = kFirstRest;         ///< the next one
  Millis trial_wait_ = kFirstTrial;  ///< after the next trial
  TimePoint until_{};                ///< while open; otherwise no trial before
};

}  // namespace aralez
