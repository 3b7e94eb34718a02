#include "io/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>

namespace aralez {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1000)};

class TestTimer final : public Timer {
 public:
  explicit TestTimer(std::function<void(TimePoint)> fn = {}) : fn_(std::move(fn)) {}
  int fired = 0;
  TimePoint last{};

 private:
  void on_timer(TimePoint now) override {
    ++fired;
    last = now;
    if (fn_) fn_(now);
  }
  std::function<void(TimePoint)> fn_;
};

TEST(TimerWheel, fires_after_the_deadline_never_before_and_within_a_tick) {
  TimerWheel wheel(kStart);
  for (const int ms : {0, 1, 9, 10, 11, 95, 4'095, 40'959, 40'960, 40'961, 100'000, 3'600'000}) {
    TimerWheel w(kStart);
    TestTimer t;
    const TimePoint deadline = kStart + Millis(ms);
    t.arm(w, deadline);
    w.advance(deadline - Millis(1));
    EXPECT_EQ(t.fired, 0) << ms;
    w.advance(deadline + TimerWheel::kTick);
    EXPECT_EQ(t.fired, 1) << ms;
    EXPECT_FALSE(t.armed());
  }
}

TEST(TimerWheel, a_later_deadline_moves_the_timer_and_an_earlier_one_too) {
  TimerWheel wheel(kStart);
  TestTimer t;
  t.arm(wheel, kStart + Millis(100));
  t.arm(wheel, kStart + Millis(500));
  wheel.advance(kStart + Millis(499));
  EXPECT_EQ(t.fired, 0);
  t.arm(wheel, kStart + Millis(600'000));
  t.arm(wheel, kStart + Millis(520));
  wheel.advance(kStart + Millis(530));
  EXPECT_EQ(t.fired, 1);
}

TEST(TimerWheel, a_cancelled_or_destroyed_timer_stays_silent) {
  TimerWheel wheel(kStart);
  TestTimer cancelled;
  auto destroyed = std::make_unique<TestTimer>();
  cancelled.arm(wheel, kStart + Millis(50));
  destroyed->arm(wheel, kStart + Millis(50));
  cancelled.cancel();
  destroyed.reset();
  wheel.advance(kStart + Millis(1000));
  EXPECT_EQ(cancelled.fired, 0);
  cancelled.arm(wheel, kStart + Millis(1100));
  wheel.advance(kStart + Millis(1200));
  EXPECT_EQ(cancelled.fired, 1) << "and can be armed again";
}

TEST(TimerWheel, a_timer_armed_again_while_firing_runs_in_a_later_call) {
  TimerWheel wheel(kStart);
  TestTimer* self = nullptr;
  TestTimer t([&](TimePoint now) { self->arm(wheel, now); });
  self = &t;
  t.arm(wheel, kStart + Millis(10));
  wheel.advance(kStart + Millis(5000));
  EXPECT_EQ(t.fired, 1);
  wheel.advance(kStart + Millis(5010));
  EXPECT_EQ(t.fired, 2);
}

TEST(TimerWheel, deadlines_that_have_passed_run_in_a_later_call_when_set_while_firing) {
  for (const int late : {10, 500, 41'000, 200'000}) {
    TimerWheel wheel(kStart);
    TestTimer* self = nullptr;
    TestTimer fresh;
    TestTimer linked;  // stands in a slot of the same call, cancelled
    TestTimer t([&](TimePoint) {
      if (self->fired > 1) return;
      for (TestTimer* x : {self, &fresh, &linked}) x->arm(wheel, kStart + Millis(15));
    });
    self = &t;
    linked.arm(wheel, kStart + Millis(15));
    linked.cancel();
    t.arm(wheel, kStart);
    const TimePoint now = kStart + Millis(late + 15);
    wheel.advance(now);
    EXPECT_EQ(t.fired, 1) << late;
    EXPECT_EQ(fresh.fired, 0) << late;
    EXPECT_EQ(linked.fired, 0) << late;
    wheel.advance(now + TimerWheel::kTick);
    for (TestTimer* x : {self, &fresh, &linked}) EXPECT_EQ(x->fired, x == self ? 2 : 1) << late;
  }
}

TEST(TimerWheel, a_call_that_comes_turns_of_the_wheel_late_fires_each_timer_once) {
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (int ms = 0; ms < 300'000; ms += 370) {
    timers.push_back(std::make_unique<TestTimer>());
    timers.back()->arm(wheel, kStart + Millis(ms));
  }
  TestTimer later;
  later.arm(wheel, kStart + Millis(300'500));
  wheel.advance(kStart + Millis(300'000));
  for (const auto& t : timers) ASSERT_EQ(t->fired, 1);
  EXPECT_EQ(later.fired, 0);
  wheel.advance(kStart + Millis(300'510));
  EXPECT_EQ(later.fired, 1);
}

TEST(TimerWheel, a_timer_may_cancel_or_move_another_one_that_is_due_too) {
  TimerWheel wheel(kStart);
  TestTimer b;
  TestTimer c;
  TestTimer a([&](TimePoint now) {
    b.cancel();
    c.arm(wheel, now + Millis(100));
  });
  for (TestTimer* t : {&a, &b, &c}) t->arm(wheel, kStart + Millis(20));
  wheel.advance(kStart + Millis(40));
  EXPECT_EQ(b.fired, 0);
  EXPECT_EQ(c.fired, 0);
  wheel.advance(kStart + Millis(160));
  EXPECT_EQ(c.fired, 1);
}

TEST(TimerWheel, may_be_asleep_until_something_is_due) {
  TimerWheel wheel(kStart);
  const Millis none(60'000);
  EXPECT_EQ(wheel.until_next(kStart, none), none);
  TestTimer t;
  t.arm(wheel, kStart + Millis(250));
  const Millis wait = wheel.until_next(kStart, none);
  EXPECT_GE(wait, Millis(250));
  EXPECT_LE(wait, Millis(260));
  EXPECT_EQ(wheel.until_next(kStart + Millis(400), none), Millis(0));
}

TEST(TimerWheel, sleeping_as_long_as_it_says_fires_everything_in_time) {
  std::mt19937 random(11);
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<TestTimer>> timers;
  for (int i = 0; i < 200; ++i) timers.push_back(std::make_unique<TestTimer>());
  std::vector<TimePoint> due(timers.size());
  TimePoint now = kStart;
  for (std::size_t i = 0; i < timers.size(); ++i) {
    due[i] = now + Millis(random() % 200'000);
    timers[i]->arm(wheel, due[i]);
  }
  for (int turn = 0; turn < 5000 && now < kStart + Millis(210'000); ++turn) {
    now += wheel.until_next(now, Millis(10'000));
    const std::size_t i = random() % timers.size();
    if (timers[i]->armed() && due[i] > now) {
      due[i] = now + Millis(random() % 50'000);
      timers[i]->arm(wheel, due[i]);
    }
    wheel.advance(now);
  }
  for (std::size_t i = 0; i < timers.size(); ++i) {
    ASSERT_EQ(timers[i]->fired, 1) << i;
    EXPECT_GE(timers[i]->last, due[i]);
    EXPECT_LE(timers[i]->last, due[i] + TimerWheel::kTick);
  }
}

}  // namespace
}  // namespace aralez
