#include "io/job_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace aralez {
namespace {

TEST(JobPool, runs_what_it_took_on_other_threads) {
  JobPool pool(2, 8);
  std::latch done(5);
  std::atomic<int> here = 0;
  const auto me = std::this_thread::get_id();
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(pool.submit([&] {
      if (std::this_thread::get_id() == me) ++here;
      done.count_down();
    }));
  done.wait();
  EXPECT_EQ(here, 0);
}

TEST(JobPool, refuses_what_would_wait_behind_too_many) {
  JobPool pool(1, 2);
  std::latch started(1);
  std::latch go(1);
  ASSERT_TRUE(pool.submit([&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  std::latch done(2);
  EXPECT_TRUE(pool.submit([&] { done.count_down(); }));
  EXPECT_TRUE(pool.submit([&] { done.count_down(); }));
  EXPECT_FALSE(pool.submit([] {}));
  go.count_down();
  done.wait();
  EXPECT_TRUE(pool.submit([] {}));
}

TEST(JobPool, a_stop_waits_for_the_job_under_way_and_drops_the_others) {
  std::atomic<bool> ended = false;
  std::atomic<bool> second = false;
  auto held = std::make_shared<int>(1);
  std::latch started(1);
  JobPool pool(1, 8);
  ASSERT_TRUE(pool.submit([&] {
    started.count_down();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ended = true;
  }));
  ASSERT_TRUE(pool.submit([&second, held] { second = true; }));
  started.wait();
  pool.stop();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(second);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(pool.submit([] {}));
}

}  // namespace
}  // namespace aralez
