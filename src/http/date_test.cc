#include "http/date.h"

#include <gtest/gtest.h>

#include <random>

namespace aralez {
namespace {

TEST(HttpDate, reads_back_what_it_writes_at_any_time) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 5000; ++i) {
    const auto t = static_cast<std::time_t>(random() % 253402300800ULL);  // to the end of 9999
    const auto text = format_http_date(t);
    ASSERT_EQ(text.size(), 29U) << text;
    ASSERT_EQ(parse_http_date(text), t) << text;
  }
}

TEST(HttpDate, knows_leap_years_and_the_ends_of_time) {
  EXPECT_EQ(format_http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(format_http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(parse_http_date("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400);
  EXPECT_EQ(parse_http_date("Fri, 31 Dec 1999 23:59:59 GMT"), 946684799);
}

TEST(HttpDate, refuses_what_no_format_allows) {
  for (const auto* bad : {"Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
                          "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
                          "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                          "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
                          "Sun, 06 Nov 1994 08:49:-7 GMT", "1994-11-06T08:49:37Z", "784111777"})
    EXPECT_FALSE(parse_http_date(bad)) << bad;
}

TEST(DateCache, makes_a_new_text_when_the_second_changes_also_backwards) {
  DateCache cache;
  EXPECT_EQ(cache.at(0), format_http_date(0));
  EXPECT_EQ(cache.at(1), format_http_date(1));
  EXPECT_EQ(cache.at(1), format_http_date(1));
  EXPECT_EQ(cache.at(0), format_http_date(0));
}

}  // namespace
}  // namespace aralez
