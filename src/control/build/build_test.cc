#include "control/build/build.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

/// Shows in a route's chain what the builder handed to the maker of filters.
class Shown final : public Filter {
 public:
  explicit Shown(std::string text) : text_(std::move(text)) {}
  Verdict on_request_head(RequestContext&, Reply&) const override { return Verdict::proceed; }
  [[nodiscard]] std::string describe() const override { return text_; }

 private:
  std::string text_;
};

std::string names(const std::vector<HeaderRule>& rules) {
  std::string out;
  for (const HeaderRule& r : rules) out += r.name + "=" + r.value + ";";
  return out;
}

class Build : public ::testing::Test {
 protected:
  std::shared_ptr<const Snapshot> build(std::string_view text) {
    Diagnostics d;
    upstreams_ = parse_upstreams("provider: file\nupstreams:\n" + std::string(text), "up.yaml", d);
    if (!upstreams_) throw std::runtime_error(d.render());
    return build_snapshot(
        {.main = main_,
         .upstreams = *upstreams_,
         .make_chain =
             [](const RouteConfig& route) {
               FilterChain chain;
               chain.add(std::make_unique<Shown>("server " + names(route.path.server_headers) +
                                                 " client " + names(route.path.client_headers)));
               return chain;
             },
         .files = files_,
         .generation = 7,
         .hash_key = 3});
  }
  static const Route& route(const Snapshot& s, std::string_view host, std::string_view path) {
    const auto m = s.table.match(host, path);
    if (!m.route) throw std::runtime_error("no route");
    return s.routes[m.route->value];
  }

  MainConfig main_;
  std::optional<UpstreamsConfig> upstreams_;
  std::shared_ptr<const Responder> files_;
};

TEST_F(Build, makes_a_route_and_a_cluster_of_each_path) {
  const auto s = build(
      "  a.test: {paths: {/: {servers: ['10.0.0.1:80', '[::1]:81']}, /x: {redirect_to: /y}}}\n"
      "  DEFAULT: {paths: {/: {servers: [b:1]}}}\n");
  EXPECT_EQ(s->generation, 7U);
  EXPECT_EQ(s->routes.size(), 3U);
  const Route& root = route(*s, "a.test", "/q");
  EXPECT_EQ(root.source, "up.yaml:3");
  const ClusterSpec& cluster = s->clusters[root.cluster->value];
  EXPECT_EQ(cluster.name, "a.test/");
  ASSERT_EQ(cluster.endpoints.size(), 2U);
  EXPECT_EQ(cluster.endpoints[0].host, "10.0.0.1");
  EXPECT_EQ(cluster.endpoints[0].port, 80);
  EXPECT_EQ(cluster.endpoints[1].host, "::1");
  EXPECT_EQ(cluster.endpoints[1].port, 81);
  EXPECT_TRUE(s->clusters[route(*s, "a.test", "/x").cluster->value].endpoints.empty());
  EXPECT_EQ(route(*s, "other.test", "/").host, "DEFAULT");
}

TEST_F(Build, pins_the_protocol_of_servers_with_a_scheme) {
  const auto s =
      build("  a: {paths: {/: {servers: ['x:1', 'http://x:1', 'https://x:1', 'h2c://x:1']}}}\n");
  const auto& e = s->clusters[0].endpoints;
  ASSERT_EQ(e.size(), 4U);
  EXPECT_EQ(e[0].pin, ProtocolPin::detect);
  EXPECT_EQ(e[1].pin, ProtocolPin::http);
  EXPECT_EQ(e[2].pin, ProtocolPin::https);
  EXPECT_EQ(e[3].pin, ProtocolPin::h2c);
  EXPECT_EQ(e[0].tls, e[2].tls) << "one context for all that are judged alike";
  EXPECT_EQ(e[1].tls, nullptr);
}

TEST_F(Build, verifies_servers_where_the_path_or_the_top_level_says_so) {
  const auto one =
      build("  a: {paths: {/: {servers: [x:1], verify_upstream: true}, /b: {servers: [x:1]}}}\n");
  EXPECT_TRUE(one->clusters[0].endpoints[0].tls->policy().verify);
  EXPECT_FALSE(one->clusters[1].endpoints[0].tls->policy().verify);
  EXPECT_NE(one->clusters[0].endpoints[0], one->clusters[1].endpoints[0])
      << "who is judged differently shares no connection";
}

TEST_F(Build, gives_no_two_routes_the_same_cluster_name) {
  const auto s = build(
      "  a: {paths: {/b: {servers: [x:1]}, /: {servers: [x:1]}}}\n"
      "  DEFAULT: {paths: {/b: {servers: [x:1]}}}\n"
      "  default: {paths: {/b: {servers: [x:1]}}}\n");
  std::vector<std::string> all;
  for (const ClusterSpec& c : s->clusters) all.push_back(c.name);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(all.size(), 4U);
}

TEST_F(Build, takes_timeouts_of_the_path_before_those_of_main_yaml) {
  main_.limits.upstream_connect_timeout = Millis(1);
  main_.limits.upstream_idle_timeout = Millis(2);
  const auto s = build("  a: {paths: {/: {servers: [x:1], upstream_idle_timeout: 9}}}\n");
  EXPECT_EQ(route(*s, "a", "/").timeouts.connect, Millis(1));
  EXPECT_EQ(route(*s, "a", "/").timeouts.idle, Millis(9000));
}

TEST_F(Build, a_route_without_a_header_list_takes_that_of_the_nearest_route_above) {
  const auto s = build(
      "  a:\n    paths:\n"
      "      /: {servers: [x:1], server_headers: ['S: root'], client_headers: ['C: root']}\n"
      "      /app: {servers: [x:1], server_headers: ['S: app']}\n"
      "      /app/deep/er: {servers: [x:1]}\n"
      "      /apple: {servers: [x:1]}\n"
      "  b: {paths: {/x: {servers: [x:1]}}}\n");
  EXPECT_EQ(route(*s, "a", "/app").chain.filters()[0]->describe(), "server S=app; client C=root;");
  EXPECT_EQ(route(*s, "a", "/app/deep/er").chain.filters()[0]->describe(),
            "server S=app; client C=root;");
  EXPECT_EQ(route(*s, "a", "/apple").chain.filters()[0]->describe(),
            "server S=root; client C=root;");
  EXPECT_EQ(route(*s, "b", "/x").chain.filters()[0]->describe(), "server  client ")
      << "other hosts lend nothing";
}

class Files final : public Responder {
 public:
  Verdict respond(RequestContext&, const aralez::Chain&, Reply&) const override {
    return Verdict::replied;
  }
};

TEST_F(Build, the_file_route_is_in_no_table) {
  EXPECT_FALSE(build("  a: {paths: {/: {servers: [x:1]}}}\n")->file_route);
  files_ = std::make_shared<Files>();
  const auto s = build("  a: {paths: {/: {servers: [x:1]}}}\n");
  ASSERT_TRUE(s->file_route);
  EXPECT_EQ(s->routes[s->file_route->value].responder, files_);
  EXPECT_EQ(s->table.size(), 1U);
}

}  // namespace
}  // namespace aralez
