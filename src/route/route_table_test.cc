#include "route/route_table.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

RouteTable table() {
  return RouteTable({{"shop.test", "/", RouteId{1}},
                     {"shop.test", "/app", RouteId{2}},
                     {"shop.test", "/app/deep/er", RouteId{3}},
                     {"shop.test", "/only/", RouteId{4}},
                     {"bare.test", "/x", RouteId{5}},
                     {"", "/", RouteId{6}}},
                    42);
}

struct Case {
  std::string_view host, path;
  int route;  // 0: none
};

class Match : public ::testing::TestWithParam<Case> {};

TEST_P(Match, takes_the_longest_segment_prefix) {
  const auto t = table();
  const auto m = t.match(GetParam().host, GetParam().path);
  EXPECT_EQ(m.route ? static_cast<int>(m.route->value) : 0, GetParam().route)
      << GetParam().host << GetParam().path;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Match,
    ::testing::Values(Case{"shop.test", "/", 1}, Case{"shop.test", "/app", 2},
                      Case{"shop.test", "/app/", 2}, Case{"shop.test", "/app/x", 2},
                      Case{"shop.test", "/apple", 1}, Case{"shop.test", "/ap", 1},
                      Case{"shop.test", "/app/deep/er/x/y", 3},
                      Case{"shop.test", "/app/deep/erx", 2}, Case{"shop.test", "/only/", 4},
                      Case{"shop.test", "/only", 1}, Case{"shop.test", "/only/x", 1},
                      Case{"bare.test", "/x/y", 5}, Case{"bare.test", "/", 0},
                      Case{"bare.test", "/y", 0}, Case{"other.test", "/app", 6}, Case{"", "/", 6},
                      Case{"shop.test", "*", 0}));

TEST(RouteTable, tells_a_missing_host_from_a_missing_path) {
  const RouteTable t({{"a", "/x", RouteId{1}}}, 1);
  EXPECT_EQ(t.match("b", "/x").miss, RouteTable::Miss::host);
  EXPECT_EQ(t.match("a", "/y").miss, RouteTable::Miss::path);
  EXPECT_FALSE(RouteTable().match("a", "/").route);
}

TEST(RouteTable, a_later_entry_replaces_an_earlier_one) {
  const RouteTable t({{"a", "/x", RouteId{1}}, {"a", "/x", RouteId{2}}}, 1);
  EXPECT_EQ(t.match("a", "/x").route->value, 2U);
}

TEST(RouteTable, finds_each_of_many_routes) {
  std::vector<RouteTable::Entry> entries;
  for (std::uint32_t h = 0; h < 500; ++h)
    for (std::uint32_t p = 0; p < 10; ++p)
      entries.push_back(
          {"h" + std::to_string(h), "/p" + std::to_string(p) + "/q", RouteId{h * 10 + p}});
  const RouteTable t(entries, 7);
  for (std::uint32_t h = 0; h < 500; ++h)
    for (std::uint32_t p = 0; p < 10; ++p)
      ASSERT_EQ(t.match("h" + std::to_string(h), "/p" + std::to_string(p) + "/q/z").route->value,
                h * 10 + p);
}

TEST(RouteTable, finds_a_route_as_deep_as_it_takes_among_routes_at_every_depth) {
  std::vector<RouteTable::Entry> entries;
  std::string path;
  for (std::uint32_t depth = 1; depth <= RouteTable::kMaxDepth; ++depth) {
    path += "/a";
    entries.push_back({"h", path, RouteId{depth}});
  }
  const RouteTable t(entries, 3);
  for (const auto* below : {"", "/a", "/b/c/d"})
    EXPECT_EQ(t.match("h", path + below).route->value, RouteTable::kMaxDepth) << below;
  EXPECT_EQ(t.match("h", "/a/a/b").route->value, 2U);
}

TEST(RouteTable, the_host_takes_no_part_in_the_path_nor_the_path_in_the_host) {
  const RouteTable t({{"a", "/b", RouteId{1}}, {"a/b", "/", RouteId{2}}, {"", "/", RouteId{3}}}, 9);
  EXPECT_EQ(t.match("a", "/b").route->value, 1U);
  EXPECT_EQ(t.match("A", "/b").route->value, 3U) << "hosts come in lower case already";
  EXPECT_EQ(t.match("", "/b").route->value, 3U);
  EXPECT_TRUE(t.match("unknown", "/b").by_default);
  EXPECT_FALSE(t.match("a", "/b").by_default);
}

TEST(RouteTable, a_path_of_thousands_of_segments_is_one_pass) {
  const auto t = table();
  std::string deep = "/app";
  for (int i = 0; i < 8000; ++i) deep += "/a";
  EXPECT_EQ(t.match("shop.test", deep).route->value, 2U);
}

}  // namespace
}  // namespace aralez
