#include "filter/limits/counter_table.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace aralez {
namespace {

using End = CounterTable::End;

constexpr TimePoint at(int millis) {
  return TimePoint() + std::chrono::hours(1) + Millis(millis);
}

TEST(CounterTable, counts_each_key_for_itself_until_its_end) {
  CounterTable table(1000);
  EXPECT_EQ(table.look(1, at(0)).count, 0U);
  EXPECT_EQ(table.add(1, at(0), at(1000), End::stays).count, 1U);
  EXPECT_EQ(table.add(1, at(400), at(1400), End::stays).count, 2U);
  EXPECT_EQ(table.add(2, at(400), at(1400), End::stays).count, 1U);
  EXPECT_EQ(table.look(1, at(400)).count, 2U);
  EXPECT_EQ(table.look(1, at(400)).left, Millis(600));
  EXPECT_EQ(table.look(1, at(999)).count, 2U);
  EXPECT_EQ(table.look(1, at(1000)).count, 0U);
  EXPECT_EQ(table.add(1, at(1000), at(2000), End::stays).count, 1U);
  EXPECT_EQ(table.look(2, at(1399)).count, 1U);
}

TEST(CounterTable, moves_the_end_where_that_is_asked_for) {
  CounterTable table(1000);
  table.add(1, at(0), at(1000), End::moves);
  EXPECT_EQ(table.add(1, at(900), at(1900), End::moves).left, Millis(1000));
  EXPECT_EQ(table.look(1, at(1899)).count, 2U);
  EXPECT_EQ(table.look_and_hold(1, at(1800), 2, at(2800)).left, Millis(100)) << "not above";
  EXPECT_EQ(table.look_and_hold(1, at(1800), 1, at(2800)).left, Millis(1000));
  EXPECT_EQ(table.look(1, at(2799)).count, 2U);
  EXPECT_EQ(table.look(1, at(2800)).count, 0U);
  EXPECT_EQ(table.look_and_hold(1, at(2800), 0, at(9000)).count, 0U) << "an end is an end";
}

TEST(CounterTable, of_a_worker_whose_clock_is_behind_counts_into_the_window_that_has_begun) {
  CounterTable table(1000);
  EXPECT_EQ(table.add(1, at(1001), at(2000), End::stays).count, 1U);
  EXPECT_EQ(table.add(1, at(999), at(1000), End::stays).count, 2U);
  EXPECT_EQ(table.look(1, at(1999)).count, 2U);
  EXPECT_EQ(table.add(1, at(999), at(1000), End::moves).left, Millis(1001));
}

TEST(CounterTable, stays_at_its_most) {
  CounterTable table(7);
  for (std::uint32_t i = 0; i < CounterTable::kMost + 10; ++i)
    table.add(1, at(0), at(1000), End::stays);
  EXPECT_EQ(table.look(1, at(0)).count, CounterTable::kMost);
  EXPECT_EQ(table.look(1, at(0)).left, Millis(1000));
}

TEST(CounterTable, takes_any_key) {
  CounterTable table(7);
  for (const CounterTable::Key key : {CounterTable::Key{0}, ~CounterTable::Key{0}}) {
    EXPECT_EQ(table.look(key, at(0)).count, 0U);
    EXPECT_EQ(table.add(key, at(0), at(1000), End::stays).count, 1U);
    EXPECT_EQ(table.add(key, at(0), at(1000), End::stays).count, 2U);
  }
}

// 10 million clients within one second: memory stays what it was, nobody is held to have done what
// others did, and who was counted often is not forgotten for those who come once.
TEST(CounterTable, of_ten_million_clients_stays_in_its_bounds) {
  CounterTable table(100'000);
  EXPECT_LT(table.bytes(), 4'000'000U);
  std::mt19937_64 keys(7);
  std::vector<CounterTable::Key> busy(500);
  for (auto& key : busy) {
    key = keys();
    for (int i = 0; i < 50; ++i) table.add(key, at(0), at(1000), End::stays);
  }
  std::uint32_t most = 0;
  for (int i = 0; i < 10'000'000; ++i)
    most = std::max(most, table.add(keys(), at(1), at(1000), End::stays).count);
  EXPECT_EQ(most, 1U);
  for (const auto key : busy) ASSERT_EQ(table.look(key, at(2)).count, 50U);
}

TEST(CounterTable, that_is_not_full_forgets_nothing) {
  CounterTable table(40'000);
  std::mt19937_64 keys(7);
  std::vector<CounterTable::Key> all(10'000);
  for (auto& key : all) table.add(key = keys(), at(0), at(1000), End::stays);
  std::size_t found = 0;
  for (const auto key : all) found += table.look(key, at(1)).count;
  EXPECT_GE(found, all.size() * 999 / 1000) << "a place of seven overflows now and then";
  // What has ended makes room.
  for (auto& key : all) table.add(key = keys(), at(1000), at(2000), End::stays);
  found = 0;
  for (const auto key : all) found += table.look(key, at(1001)).count;
  EXPECT_GE(found, all.size() * 999 / 1000);
}

// Issue 6 point 2: the same answer on all workers.
TEST(CounterTable, loses_no_count_between_threads) {
  CounterTable table(64);  // so few places that threads meet
  constexpr int kThreads = 4;
  constexpr int kEach = 30'000;
  std::vector<std::thread> threads;
  std::vector<std::vector<int>> let_in(kThreads, std::vector<int>(3));
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&table, &mine = let_in[static_cast<std::size_t>(t)]] {
      for (int i = 0; i < kEach; ++i)
        for (std::size_t key = 0; key < 3; ++key) {
          mine[key] += table.add(key << 32U, at(0), at(1000), End::stays).count <= 1000;
          static_cast<void>(table.look_and_hold(key << 32U, at(0), 10, at(1000)));
        }
    });
  for (auto& t : threads) t.join();
  for (std::size_t key = 0; key < 3; ++key) {
    EXPECT_EQ(table.look(key << 32U, at(0)).count, kThreads * kEach);
    int sum = 0;
    for (const auto& mine : let_in) sum += mine[key];
    EXPECT_EQ(sum, 1000) << "a limit lets in as many as it says";
  }
}

}  // namespace
}  // namespace aralez
