#include "admin/call.h"

#include <gtest/gtest.h>

#include "admin/query.h"

namespace aralez {
namespace {

TEST(Call, is_found_by_its_exact_path) {
  EXPECT_EQ(match_call(Method::post, "/conf").call, Call::conf);
  EXPECT_EQ(match_call(Method::post, "/conf?save").call, Call::conf);
  EXPECT_EQ(match_call(Method::get, "/status?live").call, Call::status);
  EXPECT_EQ(match_call(Method::get, "/?key=x").call, Call::page);
  for (const char* other : {"/conf/", "//conf", "/%63onf", "/Conf", "/x/../conf", "*", "/conf;x",
                            "", "/acme_order", "/.well-known/acme-challenge", "/status/live"})
    EXPECT_EQ(match_call(Method::post, other).call, Call::none) << other;
}

TEST(Call, of_a_prefix_has_a_rest) {
  EXPECT_EQ(match_call(Method::put, "/acme_order/a.test?x").rest, "a.test");
  EXPECT_EQ(match_call(Method::put, "/acme_order/..%2Fx").rest, "..%2Fx");
  EXPECT_EQ(match_call(Method::get, "/.well-known/acme-challenge/tok").call, Call::acme_challenge);
  EXPECT_EQ(match_call(Method::get, "/acme_order/").call, Call::none);
  EXPECT_EQ(match_call(Method::get, "/.well-known/acme-challenge/?x").call, Call::none);
}

TEST(Call, says_which_methods_a_path_has) {
  EXPECT_EQ(match_call(Method::post, "/conf").allow, "");
  EXPECT_EQ(match_call(Method::get, "/conf").allow, "POST");
  EXPECT_EQ(match_call(Method::head, "/jwt").allow, "POST");
  EXPECT_EQ(match_call(Method::head, "/metrics").allow, "");
  EXPECT_EQ(match_call(Method::options, "/status").allow, "GET,HEAD");
  EXPECT_EQ(match_call(Method::other, "/acme_create").allow, "");
}

TEST(Query, has_a_parameter_with_or_without_a_value) {
  for (const char* query : {"?live", "live", "?live=", "?a=1&live=0", "?&&live", "?%6cive"})
    EXPECT_TRUE(has_parameter(query, "live")) << query;
  for (const char* query : {"", "?", "?alive", "?live2", "?x=live", "?LIVE", "?live%00"})
    EXPECT_FALSE(has_parameter(query, "live")) << query;
}

TEST(Query, decodes_and_takes_the_last_value) {
  EXPECT_EQ(query_value("?key=a&key=b%2Bc+d%", "key"), "b+c d%");
  EXPECT_EQ(query_value("?key=a=b", "key"), "a=b");
  EXPECT_EQ(query_value("?key", "key"), "");
  EXPECT_EQ(query_value("?k=%zz", "k"), "%zz");
}

}  // namespace
}  // namespace aralez
