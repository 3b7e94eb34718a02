#include "control/health/schedule.h"

#include <algorithm>
#include <unordered_set>

namespace aralez {
namespace {

constexpr Millis kSpread{10};  ///< for each new check, up to an interval

}  // namespace

Millis CheckSchedule::random_part(Millis part) {
  if (part <= Millis(0)) return Millis(0);
  return Millis(std::uniform_int_distribution<Millis::rep>(0, part.count())(random_));
}

void CheckSchedule::wait_until(CheckJob& job, TimePoint due) {
  job.place = CheckJob::Place::waiting;
  job.due = due;
  job.slow = job.state->verdict() == Health::down;
  queue(job.slow).emplace(due, &job);
}

void CheckSchedule::replace(const std::vector<std::shared_ptr<HealthState>>& wanted,
                            TimePoint now) {
  std::unordered_set<const HealthState*> names;
  std::vector<CheckJob*> fresh;
  for (const auto& state : wanted) {
    if (!names.insert(state.get()).second) continue;
    auto& job = jobs_[state.get()];
    if (!job) {
      job = std::make_unique<CheckJob>(state);
      fresh.push_back(job.get());
    } else if (job->place == CheckJob::Place::orphaned) {
      job->place = CheckJob::Place::running;
    }
  }
  std::erase_if(jobs_, [&](auto& entry) {
    CheckJob& job = *entry.second;
    if (names.contains(entry.first)) return false;
    if (job.place == CheckJob::Place::waiting) {
      queue(job.slow).erase({job.due, &job});
      return true;
    }
    job.place = CheckJob::Place::orphaned;
    return false;
  });
  const Millis spread = kSpread * static_cast<Millis::rep>(fresh.size());
  for (CheckJob* job : fresh)
    wait_until(*job, now + random_part(std::min(spread, job->state->spec().interval)));
}

bool CheckSchedule::has_room(bool slow) const noexcept {
  return running_ < kAtOnce && (!slow || slow_running_ < kSlowAtOnce);
}

CheckJob* CheckSchedule::take(TimePoint now) {
  for (const bool slow : {false, true}) {
    Queue& q = queue(slow);
    if (q.empty() || q.begin()->first > now || !has_room(slow)) continue;
    CheckJob& job = *q.begin()->second;
    q.erase(q.begin());
    job.place = CheckJob::Place::running;
    job.began = now;
    ++running_;
    if (slow) ++slow_running_;
    return &job;
  }
  return nullptr;
}

void CheckSchedule::done(CheckJob& job, TimePoint now) {
  --running_;
  if (job.slow) --slow_running_;
  if (job.place == CheckJob::Place::orphaned) {
    jobs_.erase(job.state.get());
    return;
  }
  const Millis interval = job.state->spec().interval;
  wait_until(job, std::max(now, job.began + interval * 9 / 10 + random_part(interval / 5)));
}

std::optional<TimePoint> CheckSchedule::next_due() const {
  std::optional<TimePoint> due;
  for (const bool slow : {false, true}) {
    const Queue& q = slow ? slow_ : fast_;
    if (!q.empty() && has_room(slow) && (!due || q.begin()->first < *due)) due = q.begin()->first;
  }
  return due;
}

}  // namespace aralez
