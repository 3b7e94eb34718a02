#include "admin/status.h"

#include <gtest/gtest.h>

#include "control/build/build.h"

namespace aralez {
namespace {

class Status : public ::testing::Test {
 protected:
  ActiveConfig active(std::string_view text) {
    Diagnostics d;
    auto config = parse_upstreams("provider: file\n" + std::string(text), "up.yaml", d);
    EXPECT_TRUE(config) << d.render();
    ActiveConfig out{.config = std::move(*config)};
    out.snapshot = build_snapshot({.main = main_,
                                   .upstreams = out.config,
                                   .make_chain = [](const RouteConfig&) { return FilterChain(); },
                                   .hash_key = 1});
    return out;
  }
  MainConfig main_;
};

TEST_F(Status, live_is_as_the_original_writes_it) {
  EXPECT_EQ(
      live_status(active("upstreams: {shop.test: {paths: {/: {servers: ['10.1.0.11:8080']}}}}")),
      R"({"shop.test":{"/":{"backends":[{"address":"10.1.0.11","alive":true,"port":8080}]}}})");
}

TEST_F(Status, all_is_as_the_original_writes_it) {
  EXPECT_EQ(
      all_status(active("upstreams: {shop.test: {paths: {/: {servers: ['10.1.0.11:8080']}}}}")),
      R"({"shop.test":{"/":{"backends":[{"address":"10.1.0.11","port":8080,"is_ssl":false,)"
      R"("is_http2":false,"to_https":false,"rate_limit":null,"x4xx_limit":null,"healthcheck":null}],)"
      R"("requests":0}}})");
  EXPECT_EQ(
      all_status(
          active("upstreams: {a.test: {rate_limit: 7, paths: {/x: {to_https: true, rate_limit: 5, "
                 "x4xx_limit: 6, healthcheck: false, servers: ['https://b.test:443', "
                 "'h2c://[::1]:80']}}}}")),
      R"({"a.test":{"/x":{"backends":[)"
      R"({"address":"b.test","port":443,"is_ssl":true,"is_http2":false,"to_https":true,"rate_limit":5,)"
      R"("x4xx_limit":6,"healthcheck":false},)"
      R"({"address":"::1","port":80,"is_ssl":false,"is_http2":true,"to_https":true,"rate_limit":5,)"
      R"("x4xx_limit":6,"healthcheck":false}],"requests":0}}})");
}

TEST_F(Status, all_has_the_requests_of_each_route) {
  const std::vector<RouteTotals> routes{
      {.host = "a.test", .path = "/", .by_class = {0, 0, 3, 0, 2, 0}},
      {.host = "localhost", .path = "", .by_class = {9}}};
  EXPECT_EQ(
      all_status(active("upstreams: {a.test: {paths: {/: {servers: []}, /b: {servers: []}}}}"),
                 routes),
      R"({"a.test":{"/":{"backends":[],"requests":5},"/b":{"backends":[],"requests":0}}})");
}

TEST_F(Status, hosts_and_paths_are_sorted) {
  const std::string text = live_status(active(
      "upstreams:\n  b.test: {paths: {/: {servers: []}}}\n"
      "  DEFAULT: {paths: {/z: {servers: []}, /a: {servers: ['x:1']}, /: {servers: []}}}\n"));
  EXPECT_EQ(
      text,
      R"({"DEFAULT":{"/":{"backends":[]},"/a":{"backends":[{"address":"x","alive":true,"port":1}]},)"
      R"("/z":{"backends":[]}},"b.test":{"/":{"backends":[]}}})");
}

TEST_F(Status, nothing_is_an_empty_object) {
  EXPECT_EQ(live_status(active("upstreams: {}")), "{}");
  EXPECT_EQ(all_status(active("upstreams: {}")), "{}");
}

}  // namespace
}  // namespace aralez
