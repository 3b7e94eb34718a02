#include "cluster/passive_health.h"

#include <gtest/gtest.h>

#include <memory>

namespace aralez {
namespace {

using std::chrono::seconds;

/// A clock that each look moves on a little.
class Passive : public ::testing::Test {
 protected:
  TimePoint later(Millis by = Millis(1)) { return now_ += by; }
  bool may_try() { return passive_.may_try(now_, TimePoint::min()); }
  void fail_until_out() {
    for (std::uint32_t i = 1; i < limits_.upstream_max_fails; ++i)
      EXPECT_FALSE(passive_.failed(later()));
    EXPECT_TRUE(passive_.failed(later()));
  }
  /// Waits as long as it has to and fails the trial; gives the time that it waited.
  Millis fail_trial() {
    Millis waited{};
    while (!may_try()) {
      later(Millis(100));
      waited += Millis(100);
    }
    passive_.begin_trial(now_);
    EXPECT_FALSE(passive_.failed(later()));
    return waited;
  }

  Limits limits_;
  TimePoint now_{seconds(1000)};
  EndpointCell cell_;
  PassiveHealth passive_{limits_, cell_, 42};
};

TEST_F(Passive, leaves_out_after_failures_in_a_row) {
  fail_until_out();
  EXPECT_EQ(passive_.reach(), Reach::out);
  EXPECT_EQ(cell_.reach.load(), Reach::out);
  EXPECT_EQ(cell_.ejections.load(), 1U);
  EXPECT_EQ(cell_.failures_in_row.load(), 3);
}

TEST_F(Passive, a_success_in_between_counts_from_the_start) {
  for (int i = 0; i < 20; ++i) {
    for (std::uint32_t j = 1; j < limits_.upstream_max_fails; ++j)
      EXPECT_FALSE(passive_.failed(later()));
    EXPECT_FALSE(passive_.succeeded()) << "it was never left out";
  }
  EXPECT_EQ(passive_.reach(), Reach::in);
  EXPECT_EQ(cell_.failures_in_row.load(), 0);
}

TEST_F(Passive, failures_of_one_moment_are_one) {
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(passive_.failed(now_));
  EXPECT_EQ(passive_.reach(), Reach::in);
  EXPECT_EQ(cell_.failures_in_row.load(), 1);
}

TEST_F(Passive, may_be_tried_when_the_time_is_over_and_by_one_request_alone) {
  fail_until_out();
  EXPECT_FALSE(may_try());
  later(Millis(850));
  EXPECT_FALSE(may_try());
  later(Millis(300));
  ASSERT_TRUE(may_try());
  passive_.begin_trial(now_);
  EXPECT_EQ(passive_.reach(), Reach::trial);
  EXPECT_FALSE(may_try());
}

TEST_F(Passive, another_trial_follows_one_of_which_nothing_is_heard) {
  fail_until_out();
  later(Millis(1'200));
  passive_.begin_trial(now_);
  later(Millis(990));
  EXPECT_FALSE(may_try());
  later(Millis(10));
  EXPECT_TRUE(may_try());
}

TEST_F(Passive, waits_twice_as_long_after_each_trial_that_failed_up_to_a_minute) {
  fail_until_out();
  for (const std::int64_t wanted : {1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000}) {
    const auto waited = fail_trial().count();
    EXPECT_GE(waited, wanted * 9 / 10);
    EXPECT_LE(waited, wanted * 11 / 10 + 100);
  }
  EXPECT_EQ(cell_.ejections.load(), 1U) << "it is one time out, however long";
}

TEST_F(Passive, any_success_takes_it_back_and_the_next_time_begins_short) {
  fail_until_out();
  fail_trial();
  fail_trial();
  EXPECT_TRUE(passive_.succeeded());
  EXPECT_EQ(passive_.reach(), Reach::in);
  EXPECT_EQ(cell_.reach.load(), Reach::in);
  fail_until_out();
  EXPECT_EQ(passive_.wait(), limits_.upstream_fail_timeout);
  EXPECT_EQ(cell_.ejections.load(), 2U);
}

TEST_F(Passive, failures_while_it_is_out_do_not_make_it_longer) {
  fail_until_out();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(passive_.failed(later()));
  EXPECT_EQ(passive_.wait(), limits_.upstream_fail_timeout);
  later(Millis(1'200));
  EXPECT_TRUE(may_try());
}

TEST_F(Passive, a_check_that_reached_it_since_allows_a_trial_at_once) {
  const TimePoint before = now_;
  fail_until_out();
  fail_trial();
  EXPECT_FALSE(passive_.may_try(now_, before));
  EXPECT_TRUE(passive_.may_try(later(), now_));
  passive_.begin_trial(now_);
  EXPECT_FALSE(passive_.may_try(now_, now_)) << "one trial for one check";
}

TEST_F(Passive, numbers_and_times_are_those_of_the_limits) {
  limits_.upstream_max_fails = 1;
  limits_.upstream_fail_timeout = seconds(5);
  limits_.upstream_max_fail_timeout = seconds(12);
  EXPECT_TRUE(passive_.failed(later())) << "the first one";
  for (const std::int64_t wanted : {5'000, 10'000, 12'000, 12'000}) {
    const auto waited = fail_trial().count();
    EXPECT_GE(waited, wanted * 9 / 10);
    EXPECT_LE(waited, wanted * 11 / 10 + 100);
  }
}

TEST_F(Passive, waits_of_one_length_where_the_longest_is_the_first) {
  limits_.upstream_max_fail_timeout = limits_.upstream_fail_timeout;
  fail_until_out();
  for (int i = 0; i < 5; ++i) EXPECT_LE(fail_trial(), Millis(1'200));
}

TEST_F(Passive, leaves_nothing_out_where_the_limit_is_0) {
  limits_.upstream_max_fails = 0;
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(passive_.failed(later()));
  EXPECT_EQ(passive_.reach(), Reach::in);
  EXPECT_EQ(cell_.ejections.load(), 0U);
  EXPECT_EQ(cell_.failures_in_row.load(), 255) << "counted on, as far as there is room";
  EXPECT_FALSE(passive_.succeeded());
  EXPECT_EQ(cell_.failures_in_row.load(), 0);
}

TEST_F(Passive, the_highest_limit_is_reached) {
  limits_.upstream_max_fails = 255;
  fail_until_out();
  EXPECT_EQ(passive_.reach(), Reach::out);
}

TEST(PassiveHealth, ends_are_spread) {
  constexpr TimePoint kStart{seconds(1)};
  const Limits limits;
  int early = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const auto cell = std::make_unique<EndpointCell>();
    PassiveHealth passive(limits, *cell, seed * 0x9e3779b97f4a7c15ULL);
    TimePoint now = kStart;
    for (std::uint32_t i = 0; i < limits.upstream_max_fails; ++i)
      (void)passive.failed(now += Millis(1));
    if (passive.may_try(now + Millis(1'000), TimePoint::min())) ++early;
  }
  EXPECT_GT(early, 20);
  EXPECT_LT(early, 80);
}

}  // namespace
}  // namespace aralez
