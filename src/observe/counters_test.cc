#include "observe/counters.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

#include "base/ascii.h"

namespace aralez {
namespace {

using Nanos = std::chrono::nanoseconds;
using Ms = std::chrono::milliseconds;

TEST(Counters, sums_the_blocks_of_all_workers) {
  CounterSet set(3);
  set.block(0).add(Counter::requests);
  set.block(1).add(Counter::requests, 5);
  set.block(2).add(Reason::no_route);
  set.block(2).add(MethodLabel::get);
  set.block(0).add(VersionLabel::http2);
  const auto t = set.sum();
  EXPECT_EQ(t.value(Counter::requests), 6U);
  EXPECT_EQ(t.value(Counter::retries), 0U);
  EXPECT_EQ(t.value(Reason::no_route), 1U);
  EXPECT_EQ(t.value(MethodLabel::get), 1U);
  EXPECT_EQ(t.value(VersionLabel::http2), 1U);
  EXPECT_EQ(set.block(1).read(Counter::requests), 5U);
}

TEST(Counters, each_cell_is_its_own) {
  CounterSet set(1);
  auto& b = set.block(0);
  for (std::size_t i = 0; i < kCounters; ++i) b.add(static_cast<Counter>(i));
  for (std::size_t i = 0; i < kReasons; ++i) b.add(static_cast<Reason>(i));
  for (std::size_t i = 0; i < kMethodLabels; ++i) b.add(static_cast<MethodLabel>(i));
  for (std::size_t i = 0; i < kVersionLabels; ++i) b.add(static_cast<VersionLabel>(i));
  for (std::uint16_t s = 100; s <= 999; ++s) b.add_status(s);
  const auto t = set.sum();
  for (std::size_t i = 0; i < kCounters; ++i) EXPECT_EQ(t.value(static_cast<Counter>(i)), 1U) << i;
  for (std::size_t i = 0; i < kReasons; ++i) EXPECT_EQ(t.value(static_cast<Reason>(i)), 1U) << i;
  for (std::size_t i = 0; i < kMethodLabels; ++i)
    EXPECT_EQ(t.value(static_cast<MethodLabel>(i)), 1U) << i;
  for (std::size_t i = 0; i < kVersionLabels; ++i)
    EXPECT_EQ(t.value(static_cast<VersionLabel>(i)), 1U) << i;
  for (std::uint16_t s = 100; s <= 999; ++s) EXPECT_EQ(t.status(s), 1U) << s;
  EXPECT_EQ(t.latency().count, 0U);
}

TEST(Counters, no_response_counts_as_410) {
  CounterSet set(1);
  set.block(0).add_status(0);
  set.block(0).add_status(99);
  set.block(0).add_status(1000);
  EXPECT_EQ(set.sum().status(410), 3U);
}

TEST(Counters, latency_falls_into_the_bucket_whose_bound_it_does_not_exceed) {
  CounterSet set(2);
  set.block(0).add_latency(Nanos(-1));
  set.block(0).add_latency(Nanos(0));
  set.block(0).add_latency(Ms(1));
  set.block(0).add_latency(Ms(1) + Nanos(1));
  set.block(1).add_latency(Ms(5000));
  set.block(1).add_latency(Ms(5000) + Nanos(1));
  set.block(1).add_latency(std::chrono::hours(1));
  const auto h = set.sum().latency();
  EXPECT_EQ(h.count, 7U);
  EXPECT_EQ(h.buckets[0], 3U);
  EXPECT_EQ(h.buckets[1], 1U);
  EXPECT_EQ(h.buckets[11], 1U);
  EXPECT_EQ(h.buckets[12], 2U);
  EXPECT_EQ(h.sum, Ms(10002) + Nanos(2) + std::chrono::hours(1));
}

TEST(Counters, active_sessions_is_started_less_finished_and_never_negative) {
  CounterSet set(2);
  set.block(0).add(Counter::requests_started, 3);
  set.block(0).add(Counter::requests, 1);
  EXPECT_EQ(set.sum().active_sessions(), 2U);
  set.block(1).add(Counter::requests, 5);
  EXPECT_EQ(set.sum().active_sessions(), 0U);
}

TEST(Counters, readers_see_a_running_writer_without_a_race) {
  CounterSet set(1);
  constexpr std::uint64_t kTotal = 20000;
  std::jthread writer([&] {
    for (std::uint64_t i = 0; i < kTotal; ++i) set.block(0).add(Counter::requests);
  });
  std::uint64_t last = 0;
  while (last < kTotal) {
    const auto now = set.sum().value(Counter::requests);
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Names, are_unique_snake_case_and_complete) {
  std::set<std::string_view> reasons;
  for (const auto& r : kReasonTable) {
    EXPECT_TRUE(reasons.insert(r.name).second) << r.name;
    for (char c : r.name)
      EXPECT_TRUE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') << r.name;
  }
  std::set<std::string_view> families;
  for (const auto& c : kCounterTable)
    if (c.family.type != MetricType::none) {
      EXPECT_TRUE(families.insert(c.family.name).second) << c.family.name;
      EXPECT_FALSE(c.family.help.empty()) << c.family.name;
    }
  EXPECT_EQ(to_string(Reason::upstream_timeout), "upstream_timeout");
  EXPECT_FALSE(text_of(Reason::internal).empty());
}

TEST(Names, bucket_texts_say_the_bounds) {
  for (std::size_t i = 0; i < kLatencyBounds.size(); ++i)
    EXPECT_DOUBLE_EQ(std::stod(std::string(kLatencyBoundNames[i])),
                     static_cast<double>(kLatencyBounds[i].count()) / 1000.0);
}

}  // namespace
}  // namespace aralez
