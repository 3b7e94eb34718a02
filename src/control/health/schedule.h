#pragma once

#include <memory>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/health/probe.h"

namespace aralez {

/// One check that is made again and again.
struct CheckJob {
  explicit CheckJob(std::shared_ptr<HealthState> s) : state(std::move(s)), probe(*state) {}

  enum class Place : std::uint8_t {
    waiting,
    running,
    orphaned,  ///< running, and gone from the configuration
  };
  std::shared_ptr<HealthState> state;
  Probe probe;
  TimePoint due{};
  TimePoint began{};
  Place place = Place::waiting;
  bool slow = false;  ///< the lane that it waits and runs in: of those that are down
};

/// When each check is due, and how many run at once. Those of servers that are down may take all
/// their time, so they have a lane of their own and leave half of the places to the others. Time
/// comes in as an argument; no I/O.
class CheckSchedule {
 public:
  static constexpr std::size_t kAtOnce = 256;
  static constexpr std::size_t kSlowAtOnce = kAtOnce / 2;

  explicit CheckSchedule(std::uint32_t seed) : random_(seed) {}

  /// What is to be checked from now on. What was before keeps its turn; what is new has its first
  /// one soon, spread over an interval when it is much.
  void replace(const std::vector<std::shared_ptr<HealthState>>& wanted, TimePoint now);
  /// A check that is due and may run; it runs until done(). Null: none.
  [[nodiscard]] CheckJob* take(TimePoint now);
  /// The next one is an interval after this one began, give or take a tenth. The job may be gone
  /// then.
  void done(CheckJob& job, TimePoint now);
  /// When take() will have one, unless one that runs ends before.
  [[nodiscard]] std::optional<TimePoint> next_due() const;
  [[nodiscard]] std::size_t size() const noexcept { return jobs_.size(); }

 private:
  using Queue = std::set<std::pair<TimePoint, CheckJob*>>;

  void wait_until(CheckJob& job, TimePoint due);
  [[nodiscard]] bool has_room(bool slow) const noexcept;
  [[nodiscard]] Queue& queue(bool slow) noexcept { return slow ? slow_ : fast_; }
  /// Of `part`, up to all of it.
  [[nodiscard]] Millis random_part(Millis part);

  std::unordered_map<const HealthState*, std::unique_ptr<CheckJob>> jobs_;
  Queue fast_;
  Queue slow_;
  std::size_t running_ = 0;
  std::size_t slow_running_ = 0;
  std::minstd_rand random_;
};

}  // namespace aralez
