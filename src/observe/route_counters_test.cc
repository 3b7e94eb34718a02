#include "observe/route_counters.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace aralez {
namespace {

using namespace std::chrono_literals;

TEST(RouteSeries, sums_what_workers_counted_and_names_it) {
  RouteSeries series(2);
  const auto a = series.number_of("a.test", "/");
  const auto b = series.number_of("a.test", "/b");
  EXPECT_NE(a, b);
  for (std::size_t w = 0; w < 2; ++w) series.worker(w).make_room(b);
  series.worker(0).add(a, 200, true, 1ms);
  series.worker(1).add(a, 200, true, 2ms);
  series.worker(1).add(a, 200, false, -1ms);
  series.worker(1).add(a, 503, false, 0ms);
  series.worker(0).add(a, 0, false, 0ms);
  series.worker(0).add(RouteSeries::kNoRoute, 502, true, 0ms);
  const auto all = series.totals();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].host, "a.test");
  EXPECT_EQ(all[0].path, "/");
  EXPECT_EQ(all[0].by_class, (std::array<std::uint64_t, 6>{1, 0, 3, 0, 0, 1}));
  EXPECT_EQ(all[0].requests(), 5U);
  EXPECT_EQ(all[0].errors(), 3U);
  EXPECT_EQ(all[0].latency, 3ms);
  EXPECT_EQ(series.totals_of(a).requests(), 5U);
  EXPECT_EQ(series.totals_of(b).requests(), 0U);
  EXPECT_EQ(all[1].host, "localhost");
  EXPECT_EQ(all[1].errors(), 1U);
}

TEST(RouteSeries, a_route_keeps_its_number_and_the_last_ones_share_one) {
  RouteSeries series(1, 4);
  const auto a = series.number_of("a", "/");
  EXPECT_EQ(series.number_of("a", "/"), a);
  EXPECT_NE(series.number_of("b", "/"), RouteSeries::kOther);
  EXPECT_EQ(series.number_of("c", "/"), RouteSeries::kOther);
  EXPECT_EQ(series.number_of("d", "/"), RouteSeries::kOther);
  EXPECT_EQ(series.number_of("a", "/"), a);
  series.worker(0).add(RouteSeries::kOther, 200, true, 0ms);
  ASSERT_EQ(series.totals().size(), 1U);
  EXPECT_EQ(series.totals()[0].host, "other");
}

TEST(RouteSeries, is_read_while_routes_come_and_workers_count) {
  RouteSeries series(1);
  std::atomic<bool> done{false};
  std::jthread worker([&] {
    for (int i = 0; i < 2000; ++i) {
      const auto n = series.number_of("h" + std::to_string(i), "/");
      series.worker(0).make_room(n);
      series.worker(0).add(n, 200, true, 1ns);
    }
    done = true;
  });
  std::size_t last = 0;
  while (!done) {
    const auto all = series.totals();
    EXPECT_GE(all.size(), last);
    last = all.size();
  }
  EXPECT_EQ(series.totals().size(), 2000U);
}

}  // namespace
}  // namespace aralez
