#include "control/acme/renewal_info.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

std::time_t seconds_of(std::string_view text) {
  const auto time = parse_time(text);
  return time ? std::chrono::system_clock::to_time_t(*time) : -1;
}

TEST(RenewalInfo, reads_times_as_json_has_them) {
  EXPECT_EQ(seconds_of("1970-01-02T00:00:00Z"), 86'400);
  EXPECT_EQ(seconds_of("2026-11-28T04:00:07Z"), 1'795'838'407);
  EXPECT_EQ(seconds_of("2026-11-28T04:00:07.123456789Z"), 1'795'838'407);
  EXPECT_EQ(seconds_of("2026-11-28t05:30:07+01:30"), 1'795'838'407);
  EXPECT_EQ(seconds_of("2026-11-27T23:00:07.5-05:00"), 1'795'838'407);
}

TEST(RenewalInfo, reads_nothing_else) {
  for (const char* text :
       {"", "2026", "2026-11-28", "2026-11-28T04:00:07", "2026-11-28 04:00:07Z",
        "2026-13-28T04:00:07Z", "2026-11-28T24:00:07Z", "2026-11-28T04:00:07+1:00",
        "2026-11-28T04:00:07Zx", "2026-11-28T04:00:07.", "-026-11-28T04:00:07Z",
        "2026-11-28T04:00:0xZ", "0001-01-01T00:00:00Z", "2026-00-28T04:00:07Z",
        "2026-11-00T04:00:07Z", "9999-12-31T23:59:59Z"})
    EXPECT_EQ(seconds_of(text), -1) << text;
}

}  // namespace
}  // namespace aralez
