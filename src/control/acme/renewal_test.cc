#include "control/acme/renewal.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

using namespace std::chrono_literals;

constexpr std::time_t kDay = 24 * 3600;

std::time_t renewed(std::time_t begins, std::time_t ends) {
  return std::chrono::system_clock::to_time_t(renewal_time({.begins = begins, .ends = ends}));
}

TEST(Renewal, is_thirty_days_before_the_end_or_with_a_third_of_a_short_life_left) {
  EXPECT_EQ(renewed(0, 90 * kDay), 60 * kDay);
  EXPECT_EQ(renewed(0, 398 * kDay), 368 * kDay);
  EXPECT_EQ(renewed(0, 6 * kDay), 4 * kDay);
  EXPECT_EQ(renewed(0, 3600), 2400);
  EXPECT_EQ(renewed(100, 50), 50);
  EXPECT_GT(renewed(-9'000'000'000, 253'402'300'799), 7'000'000'000) << "the year 9999";
}

TEST(Renewal, is_looked_for_twice_a_day_and_when_it_is_due) {
  EXPECT_EQ(next_look(1000h), 12h);
  EXPECT_EQ(next_look(2h), 2h);
  EXPECT_EQ(next_look(-5h), 1min);
}

TEST(Renewal, that_fails_is_tried_less_and_less) {
  EXPECT_EQ(retry_pause(1), 5min);
  EXPECT_EQ(retry_pause(2), 10min);
  EXPECT_EQ(retry_pause(8), 640min);
  EXPECT_EQ(retry_pause(9), 12h);
  EXPECT_EQ(retry_pause(4'000'000'000), 12h);
}

}  // namespace
}  // namespace aralez
