#include "control/health/schedule.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

using std::chrono::seconds;

class Schedule : public ::testing::Test {
 protected:
  using States = std::vector<std::shared_ptr<HealthState>>;

  static States make(std::size_t n, Millis interval = Millis(2'000)) {
    States out;
    for (std::size_t i = 0; i < n; ++i)
      out.push_back(std::make_shared<HealthState>(HealthTarget(),
                                                  HealthCheckSpec{.interval = interval}, nullptr));
    return out;
  }
  std::vector<CheckJob*> take_all() {
    std::vector<CheckJob*> out;
    while (CheckJob* job = schedule_.take(now_)) out.push_back(job);
    return out;
  }
  void end(CheckJob& job, const std::string& error = {}) {
    (void)job.state->note(job.began, now_, error);
    schedule_.done(job, now_);
  }

  TimePoint now_{seconds(1000)};
  CheckSchedule schedule_{7};
};

TEST_F(Schedule, a_new_check_is_due_at_once) {
  schedule_.replace(make(1), now_);
  now_ += Millis(10);
  EXPECT_EQ(take_all().size(), 1U);
  EXPECT_EQ(take_all().size(), 0U) << "one at a time";
}

TEST_F(Schedule, comes_again_after_an_interval_from_begin_to_begin_give_or_take_a_tenth) {
  schedule_.replace(make(1), now_);
  now_ += Millis(10);
  for (int i = 0; i < 100; ++i) {
    CheckJob& job = *take_all().at(0);
    const TimePoint began = now_;
    now_ += Millis(500);
    end(job);
    now_ = began + Millis(1'799);
    ASSERT_EQ(take_all().size(), 0U);
    now_ = schedule_.next_due().value();
    EXPECT_LE(now_, began + Millis(2'200));
  }
}

TEST_F(Schedule, one_that_takes_longer_than_its_interval_is_due_when_it_ends) {
  schedule_.replace(make(1), now_);
  now_ += Millis(10);
  CheckJob& job = *take_all().at(0);
  now_ += seconds(5);
  EXPECT_EQ(take_all().size(), 0U);
  end(job);
  EXPECT_EQ(take_all().size(), 1U);
}

TEST_F(Schedule, many_new_ones_are_spread_over_an_interval) {
  schedule_.replace(make(2'000), now_);
  std::size_t seen = 0;
  for (std::size_t i = 1; i <= 4; ++i) {
    now_ += Millis(500);
    while (CheckJob* job = schedule_.take(now_)) {
      end(*job);
      ++seen;
    }
    EXPECT_GT(seen, i * 500 - 100);
    EXPECT_LT(seen, i * 500 + 100);
  }
}

TEST_F(Schedule, bounds_what_runs_at_once) {
  schedule_.replace(make(2'000), now_);
  now_ += seconds(10);
  const auto running = take_all();
  EXPECT_EQ(running.size(), CheckSchedule::kAtOnce);
  EXPECT_FALSE(schedule_.next_due()) << "nothing before one of them ends";
  end(*running[0]);
  EXPECT_EQ(take_all().size(), 1U);
}

TEST_F(Schedule, those_that_are_down_leave_room_for_the_others) {
  const auto down = make(1'000);
  schedule_.replace(down, now_);
  for (std::size_t i = 0; i < 4; ++i) {
    now_ += seconds(10);
    for (CheckJob* job : take_all()) end(*job, "no answer");
  }
  now_ += seconds(10);
  EXPECT_EQ(take_all().size(), CheckSchedule::kSlowAtOnce);
  auto all = down;
  const auto up = make(100);
  all.insert(all.end(), up.begin(), up.end());
  schedule_.replace(all, now_);
  now_ += seconds(2);
  EXPECT_EQ(take_all().size(), 100U) << "all of the others";
}

TEST_F(Schedule, what_stays_keeps_its_turn_and_what_is_gone_is_not_checked) {
  const auto states = make(3);
  schedule_.replace(states, now_);
  now_ += Millis(30);
  for (CheckJob* job : take_all()) end(*job);
  const auto due = schedule_.next_due();
  schedule_.replace(states, now_ + seconds(1));
  EXPECT_EQ(schedule_.next_due(), due);
  schedule_.replace({states[1]}, now_);
  now_ += seconds(3);
  const auto left = take_all();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0]->state, states[1]);
}

TEST_F(Schedule, what_goes_while_it_runs_ends_with_it_unless_it_comes_back) {
  const auto states = make(2);
  schedule_.replace(states, now_);
  now_ += Millis(20);
  const auto running = take_all();
  schedule_.replace({}, now_);
  schedule_.replace({states[0]}, now_);
  for (CheckJob* job : running) {
    EXPECT_EQ(job->place == CheckJob::Place::orphaned, job->state == states[1]);
    schedule_.done(*job, now_);
  }
  EXPECT_EQ(schedule_.size(), 1U);
  now_ += seconds(3);
  EXPECT_EQ(take_all().size(), 1U);
}

TEST_F(Schedule, the_same_check_named_twice_is_one) {
  auto states = make(1);
  states.push_back(states[0]);
  schedule_.replace(states, now_);
  EXPECT_EQ(schedule_.size(), 1U);
}

}  // namespace
}  // namespace aralez
