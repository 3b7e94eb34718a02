#include "http/uri.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

struct Normal {
  std::string_view target, match, alternate, forward;
};

class Normalise : public ::testing::TestWithParam<Normal> {};

TEST_P(Normalise, gives_one_reading_to_policy_and_upstream) {
  BlockPool pool;
  Arena arena(pool);
  const auto& c = GetParam();
  const auto got = normalise_target(c.target, arena);
  ASSERT_TRUE(got) << c.target;
  EXPECT_EQ(got->match, c.match) << c.target;
  EXPECT_EQ(got->alternate, c.alternate) << c.target;
  EXPECT_EQ(got->forward, c.forward) << c.target;
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Normalise,
    ::testing::Values(
        Normal{"/", "/", "", "/"}, Normal{"/a/b?x=/../y", "/a/b", "", "/a/b?x=/../y"},
        Normal{"/a/./b", "/a/b", "", "/a/b"}, Normal{"/a/../b", "/b", "", "/b"},
        Normal{"/../../b", "/b", "", "/b"}, Normal{"/a/..", "/", "", "/"},
        Normal{"/a/b/..", "/a/", "", "/a/"}, Normal{"/a/.", "/a/", "", "/a/"},
        Normal{"//a//b//", "/a/b/", "", "//a//b//"}, Normal{"/a//../b", "/a/b", "", "/a/b"},
        Normal{"/%61dmin", "/admin", "", "/%61dmin"},
        Normal{"/%2e%2E/admin", "/admin", "", "/admin"},
        Normal{"/x/%2e./admin?q=1", "/admin", "", "/admin?q=1"},
        Normal{"/a%2fb", "/a%2Fb", "/a/b", "/a%2fb"}, Normal{"/a\\b", "/a%5Cb", "/a/b", "/a\\b"},
        Normal{"/%40me/%3a%24%3B", "/@me/:$;", "", "/%40me/%3a%24%3B"},
        Normal{"/gesch\xc3\xbctzt", "/gesch%C3%BCtzt", "", "/gesch\xc3\xbctzt"},
        Normal{"/gesch%c3%bctzt", "/gesch%C3%BCtzt", "", "/gesch%c3%bctzt"},
        Normal{"/a b\"<>[]^`{|}", "/a%20b%22%3C%3E%5B%5D%5E%60%7B%7C%7D", "", "/a b\"<>[]^`{|}"},
        Normal{"/%25%3f%23", "/%25%3F%23", "", "/%25%3f%23"},
        Normal{"/pub%2f..%2fadmin", "/pub%2F..%2Fadmin", "/admin", "/pub%2f..%2fadmin"},
        Normal{"/.hidden", "/.hidden", "", "/.hidden"}, Normal{"/a/...", "/a/...", "", "/a/..."}));

TEST(Normalise, refuses_zero_bytes_and_broken_encoding) {
  BlockPool pool;
  Arena arena(pool);
  for (const auto* bad : {"/%00", "/a%", "/a%2", "/a%zz", "/%0"})
    EXPECT_FALSE(normalise_target(bad, arena)) << bad;
}

TEST(Authority, lower_cases_and_strips_port_and_dot) {
  BlockPool pool;
  Arena arena(pool);
  const auto a = parse_authority("Shop.Test.:8080", arena);
  ASSERT_TRUE(a);
  EXPECT_EQ(a->host, "shop.test");
  EXPECT_EQ(a->port, "8080");
  const auto b = parse_authority("[FE80::1]:80", arena);
  ASSERT_TRUE(b);
  EXPECT_EQ(b->host, "[fe80::1]");
  for (const auto* same : {"[2001:db8::1]", "[2001:0DB8:0:0:0::0001]:80"})
    EXPECT_EQ(parse_authority(same, arena)->host, "[2001:db8::1]");
  EXPECT_EQ(parse_authority("[::FFFF:192.0.2.1]", arena)->host, "[::ffff:192.0.2.1]");
}

TEST(Authority, refuses_what_is_not_one_host) {
  BlockPool pool;
  Arena arena(pool);
  for (const auto* bad :
       {"a,b", "u@h", "a b", "a/b", "[::1", "[zz]", "a:b", "a:123456", "a:80:80", "[::1]:123456",
        "[::1]80", "[::1]:x", "[1.2.3.4", "[1.2.3.4]", "[]", "h\"", "a%62"})
    EXPECT_FALSE(parse_authority(bad, arena)) << bad;
}

}  // namespace
}  // namespace aralez
