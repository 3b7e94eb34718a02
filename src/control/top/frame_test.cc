#include "control/top/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez::top {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kStatus =
    R"({"version":"1.2.3","pid":7,"time":1000,"uptime_seconds":7300,"workers":2,
"configuration":{"generation":4,"origin":"file","age_seconds":125,"last_reload":{"result":"applied"}},
"connections":{"clients":{"open":12},"upstreams":{"open":8},"tunnels":{"open":1}},"tls":{"handshakes":5},
"requests":{"total":100,"active":3,"errors":2,"retries":1,"latency":{"bounds_seconds":[0.001,0.01],"counts":[90,10,0],
"sum_seconds":0.5}},"local_replies":{"no_route":4,"bad_host":1},
"hosts":[{"host":"a.test","routes":[{"path":"/","requests":60,"errors":0,"latency_seconds":0.06,"endpoints":[
{"address":"10.0.0.1:80","health":"up","protocol":"h2c","requests":60,"failures":0,"connects":2,"connect_seconds":0.002,
"last_error":null}]},{"path":"/x","requests":40,"errors":2,"latency_seconds":4,"endpoints":[
{"address":"10.0.0.2:80","health":"down","protocol":null,"requests":40,"failures":2,"connects":0,"connect_seconds":0,
"last_error":"refused \u001b[31m"}]}]}]})";

std::string text(const Figures& now, const Figures* before,
                 Size size = {.columns = 120, .rows = 40}) {
  std::string out;
  for (const Line& line : draw(now, before, "http://here", size)) out += line.text + "\n";
  return out;
}

TEST(Figures, are_read_from_the_status_and_nothing_else_is_taken_for_one) {
  const auto f = read_figures(kStatus);
  ASSERT_TRUE(f);
  EXPECT_EQ(f->routes.size(), 2U);
  EXPECT_EQ(f->routes[1].name, "a.test/x");
  EXPECT_EQ(f->routes[1].endpoints[0].health, "down");
  EXPECT_EQ(f->reasons.at("no_route"), 4);
  for (const char* other : {"", "{", "[]", "{}", "3", R"({"requests":1})"})
    EXPECT_FALSE(read_figures(other)) << other;
  EXPECT_TRUE(read_figures(R"({"requests":{},"hosts":3,"local_replies":[],"time":"x"})"));
  EXPECT_TRUE(
      read_figures(R"({"requests":{},"hosts":[{"routes":3},4,{"routes":[{"endpoints":{}}]}]})"));
}

TEST(Frame, shows_rates_between_two_looks) {
  const auto before = read_figures(kStatus);
  auto now = *before;
  now.time += 2;
  now.requests += 50;
  now.latency_seconds += 0.1;
  now.latency_counts[0] += 50;
  now.routes[1].requests += 30;
  now.routes[1].endpoints[0].failures += 5;
  now.reasons["no_route"] += 3;
  const std::string seen = text(now, &*before);
  EXPECT_THAT(
      seen,
      HasSubstr("aralez 1.2.3  http://here  up 2 h  2 workers  generation 4 (file, 2 min)\n"));
  EXPECT_THAT(seen, HasSubstr("requests 25.0/s  active 3  errors 0.0/s  retries 0.0/s  latency "
                              "mean 2.0 ms  99 % 1.0 ms"));
  EXPECT_THAT(seen, ::testing::ContainsRegex("a\\.test/x +15\\.0 +0\\.0"));
  EXPECT_THAT(
      seen, ::testing::ContainsRegex("10\\.0\\.0\\.2:80 down +0\\.0 +2\\.5 +-  refused \\?\\[31m"));
  EXPECT_THAT(seen, ::testing::ContainsRegex("no_route +1\\.5 +7\n"));
  EXPECT_LT(seen.find("a.test/x"), seen.find("10.0.0.1")) << "the busiest first";
}

TEST(Frame, has_no_rates_without_a_look_before_or_after_a_restart) {
  auto before = *read_figures(kStatus);
  EXPECT_THAT(text(before, nullptr), HasSubstr("requests 0.0/s"));
  auto now = before;
  now.time += 2;
  now.requests += 10;
  before.pid = 8;
  EXPECT_THAT(text(now, &before), HasSubstr("requests 0.0/s"));
}

TEST(Frame, fits_and_lets_no_control_byte_through) {
  const auto now = read_figures(kStatus);
  for (const Size size : {Size{80, 24}, Size{40, 10}, Size{10, 3}, Size{1, 1}, Size{300, 100}}) {
    const auto lines = draw(*now, nullptr, "http://here", size);
    EXPECT_LE(lines.size(), size.rows);
    for (const Line& line : lines) {
      EXPECT_LE(line.text.size(), size.columns);
      EXPECT_EQ(line.text.find('\x1b'), std::string::npos);
    }
  }
}

TEST(Frame, marks_what_is_down_and_what_was_refused) {
  auto now = *read_figures(kStatus);
  now.last_result = "refused";
  std::size_t bad = 0;
  for (const Line& line : draw(now, nullptr, "x", {})) bad += line.look == Line::Look::bad;
  EXPECT_EQ(bad, 2U);
}

}  // namespace
}  // namespace aralez::top
