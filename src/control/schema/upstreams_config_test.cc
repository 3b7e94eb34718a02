#include "control/schema/upstreams_config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/schema/said_test.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

struct Upstreams : Said {
  explicit Upstreams(std::string_view text)
      : config(parse_upstreams("provider: file\n" + std::string(text) + "\n", "up.yaml",
                               diagnostics)) {}
  [[nodiscard]] const HostConfig& host(std::string_view name) const {
    for (const HostConfig& h : config->hosts)
      if (h.host == name) return h;
    throw std::runtime_error("no host " + std::string(name));
  }
  [[nodiscard]] const PathConfig& path(std::string_view host_name, std::string_view name) const {
    for (const PathConfig& p : host(host_name).paths)
      if (p.path == name) return p;
    throw std::runtime_error("no path " + std::string(name));
  }
  std::optional<UpstreamsConfig> config;
};

/// One path block under a host, `text` in flow style.
Upstreams route(std::string_view text) {
  return Upstreams("upstreams: {a.test: {paths: {/: {" + std::string(text) + "}}}}");
}

TEST(Upstreams, reads_the_sample_of_the_manual) {
  const Upstreams u(R"(sticky_sessions: 3600
client_headers: ["X-Served-By: edge-1"]
upstreams:
  shop.test:
    paths:
      "/":
        servers: ["10.1.0.11:8080", "10.1.0.12:8080"]
      "/admin":
        to_https: true
        authorization: {type: basic, data: "ops:s3cret"}
        servers: ["10.1.0.20:8080"]
  old-shop.test:
    paths:
      "/":
        redirect_to: "https://shop.test"
        healthcheck: false
        servers: ["127.0.0.1:1"]
  DEFAULT:
    paths:
      "/":
        servers: ["10.1.0.99:8080"])");
  ASSERT_TRUE(u.config) << u.said();
  EXPECT_EQ(u.said(), "");
  EXPECT_EQ(u.config->sticky_sessions, 3600s);
  EXPECT_EQ(u.config->client_headers, (std::vector<HeaderRule>{{"X-Served-By", "edge-1"}}));
  ASSERT_EQ(u.config->hosts.size(), 3U);
  ASSERT_EQ(u.path("shop.test", "/").servers.size(), 2U);
  EXPECT_EQ(u.path("shop.test", "/").servers[1].host, "10.1.0.12");
  EXPECT_TRUE(u.path("shop.test", "/admin").to_https);
  EXPECT_EQ(u.path("shop.test", "/admin").authorization->data[0], "ops:s3cret");
  EXPECT_EQ(u.path("old-shop.test", "/").healthcheck.kind, HealthCheckConfig::Kind::off);
  EXPECT_EQ(u.path("old-shop.test", "/").redirect_to, "https://shop.test");
  EXPECT_EQ(u.host("DEFAULT").paths.size(), 1U);
}

TEST(Upstreams, takes_hosts_at_the_top_level_as_old_files_have_them) {
  const Upstreams u("shop.test: {paths: {/: {servers: [a:1]}}}\nunknown: {x: y}");
  ASSERT_TRUE(u.config) << u.said();
  EXPECT_EQ(u.host("shop.test").paths.size(), 1U);
  EXPECT_EQ(u.warnings(), 1U);
  EXPECT_THAT(u.said(), HasSubstr("unknown: unknown key"));
}

TEST(Upstreams, takes_booleans_for_sticky_sessions) {
  EXPECT_EQ(Upstreams("sticky_sessions: true").config->sticky_sessions, 86400s);
  EXPECT_EQ(Upstreams("sticky_sessions: false").config->sticky_sessions, std::nullopt);
  EXPECT_EQ(Upstreams("sticky_sessions: 1e3").config->sticky_sessions, 1000s);
  EXPECT_EQ(Upstreams("sticky_sessions: 50.0").config->sticky_sessions, 50s);
  EXPECT_EQ(Upstreams("sticky_sessions:").config->sticky_sessions, std::nullopt);
  const Upstreams none("sticky_sessions: 0");
  EXPECT_EQ(none.config->sticky_sessions, std::nullopt);
  EXPECT_THAT(none.said(), HasSubstr("write false"));
  for (const auto* bad : {"yes", "'true'", "-1", "1.5", "[1]", "tomorrow"})
    EXPECT_FALSE(Upstreams("sticky_sessions: " + std::string(bad)).config) << bad;
}

TEST(Upstreams, headers_is_the_old_name_of_client_headers_on_every_level) {
  const Upstreams u(
      "headers: ['A: 1']\nupstreams: {a.test: {paths: {/: {servers: [a:1], headers: ['B: 2'], "
      "client_headers: ['C: 3']}}}}");
  ASSERT_TRUE(u.config) << u.said();
  EXPECT_EQ(u.config->client_headers, (std::vector<HeaderRule>{{"A", "1"}}));
  EXPECT_EQ(u.path("a.test", "/").client_headers,
            (std::vector<HeaderRule>{{"C", "3"}, {"B", "2"}}));
}

TEST(Upstreams, creds_is_the_old_name_of_data) {
  const Upstreams u("authorization: {type: apikey, creds: k}");
  ASSERT_TRUE(u.config) << u.said();
  EXPECT_EQ(u.config->authorization->data, std::vector<std::string>{"k"});
  EXPECT_FALSE(Upstreams("authorization: {type: apikey, creds: k, data: k}").config);
}

TEST(Upstreams, limits_may_be_whole_floats_where_they_could_before) {
  const Upstreams u(
      "rate_limit: 50.0\nx4xx_limit: 5\nupstreams: {a.test: {rate_limit: 1e3, "
      "paths: {/: {servers: [a:1], rate_limit: 7}}}}");
  ASSERT_TRUE(u.config) << u.said();
  EXPECT_EQ(u.config->rate_limit, 50);
  EXPECT_EQ(u.config->x4xx_limit, 5U);
  EXPECT_EQ(u.host("a.test").rate_limit, 1000);
  EXPECT_EQ(u.path("a.test", "/").rate_limit, 7);
  for (const auto* bad :
       {"rate_limit: '50'", "rate_limit: 0.5", "x4xx_limit: 5.0", "x4xx_limit: -1"})
    EXPECT_FALSE(Upstreams(bad).config) << bad;
  EXPECT_THAT(Upstreams("rate_limit: 0").said(), HasSubstr("asks for every request to be refused"));
}

TEST(Upstreams, a_later_host_or_path_of_the_same_name_wins_with_a_warning) {
  const Upstreams u(
      "upstreams:\n  A.test: {paths: {/: {servers: [a:1]}, /x: {servers: [a:1]}}}\n"
      "  a.test.: {paths: {/%61: {servers: [b:1]}, /a: {servers: [c:1]}}}");
  ASSERT_TRUE(u.config) << u.said();
  ASSERT_EQ(u.config->hosts.size(), 1U);
  ASSERT_EQ(u.host("a.test").paths.size(), 1U) << "a host is replaced as a whole";
  EXPECT_EQ(u.path("a.test", "/a").servers[0].host, "c");
  EXPECT_THAT(u.said(), HasSubstr("replaces the one at up.yaml:3"));
}

TEST(Upstreams, that_no_request_can_match_are_left_out_with_a_warning) {
  const Upstreams u(
      "upstreams: {'a b': {paths: {/: {servers: [a:1]}}}, b: {paths: {'x': {servers: [a:1]}}}}");
  ASSERT_TRUE(u.config) << u.said();
  ASSERT_EQ(u.config->hosts.size(), 1U);
  EXPECT_TRUE(u.host("b").paths.empty());
  EXPECT_EQ(u.warnings(), 2U);
}

struct Wrong {
  std::string_view name, text, says;
};
class RefusedUpstreams : public ::testing::TestWithParam<Wrong> {};
TEST_P(RefusedUpstreams, with_place_and_what_would_be_right) {
  const Upstreams u(GetParam().text);
  EXPECT_FALSE(u.config);
  EXPECT_EQ(u.diagnostics.errors(), 1U) << u.said();
  EXPECT_THAT(u.said(), HasSubstr(std::string(GetParam().says)));
  for (const Diagnostic& d : u.diagnostics.sorted()) {
    EXPECT_GT(d.at.line, 0U);
    EXPECT_GT(d.at.column, 0U);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Blocks, RefusedUpstreams,
    ::testing::Values(
        Wrong{"provider_twice", "provider: file", "provider: given twice"},
        Wrong{"upstreams_list", "upstreams: [a]", "this is a list; write hosts below it"},
        Wrong{"host_text", "upstreams: {a: b}", "a: this is a single value; write paths: below it"},
        Wrong{"host_without_paths", "upstreams: {a: {}}", "paths: missing"},
        Wrong{"paths_list", "upstreams: {a: {paths: [/]}}", "paths: this is a list"},
        Wrong{"path_empty", "upstreams: {a: {paths: {/: }}}", "/: this is"},
        Wrong{"path_without_servers", "upstreams: {a: {paths: {/: {to_https: true}}}}",
              "servers: missing"},
        Wrong{"servers_text", "upstreams: {a: {paths: {/: {servers: 'a:1'}}}}", "write a list"},
        Wrong{"server_wrong", "upstreams: {a: {paths: {/: {servers: [a:1, b]}}}}",
              "servers[2]: \"b\" has no port"},
        Wrong{"known_key_twice", "upstreams: {a: {paths: {/: {servers: [a:1], servers: [b:1]}}}}",
              "servers: given twice"},
        Wrong{"redirect_key_twice",
              "upstreams: {a: {paths: {/: {redirect_to: /a, redirect_to: /b}}}}",
              "redirect_to: given twice"},
        Wrong{"redirect_with_blank", "upstreams: {a: {paths: {/: {redirect_to: 'a b'}}}}",
              "holds blanks"},
        Wrong{"healthcheck_word", "upstreams: {a: {paths: {/: {servers: [a:1], healthcheck: no}}}}",
              "write false"},
        Wrong{"host_authorization",
              "upstreams: {a: {paths: {/: {servers: [a:1]}}, authorization: {type: jwt}}}",
              "a host has none"},
        Wrong{"authorization_text", "authorization: basic", "write {type: basic"},
        Wrong{"authorization_type", "authorization: {type: digest, data: x}", "basic, apikey"},
        Wrong{"authorization_without_type", "authorization: {data: x}", "type: missing"},
        Wrong{"authorization_without_data", "authorization: {type: basic}", "data: missing"},
        Wrong{"authorization_empty_list", "authorization: {type: apikey, data: []}", "empty list"},
        Wrong{"authorization_empty_key", "authorization: {type: apikey, data: ''}",
              "would let everyone in"},
        Wrong{"authorization_no_user", "authorization: {type: basic, data: ':pw'}", "no user"},
        Wrong{"authorization_no_password", "authorization: {type: basic, data: 'u:'}",
              "no password"},
        Wrong{"authorization_no_url", "authorization: {type: forward, data: auth:80}", "not a URL"},
        Wrong{"header_without_colon", "client_headers: [X-A]", "client_headers[1]: no colon"},
        Wrong{"header_of_framing", "server_headers: ['Content-Length: 5']", "set by the proxy"},
        Wrong{"header_host", "server_headers: ['Host: a b']", "the value of Host is no host"},
        Wrong{"header_host_empty", "server_headers: ['Host:']", "the value of Host is no host"},
        Wrong{"header_name", "server_headers: ['a b: c']", "the name before the colon"},
        Wrong{"header_splits_head", "client_headers: [\"A: b\\r\\nC: d\"]", "control character"},
        Wrong{"headers_map", "client_headers: {A: b}", "write a list"}),
    [](const auto& test) { return std::string(test.param.name); });

class RefusedCheck : public ::testing::TestWithParam<Wrong> {};
TEST_P(RefusedCheck, with_place_and_what_would_be_right) {
  const auto u = route("servers: [a:1], healthcheck: " + std::string(GetParam().text));
  EXPECT_FALSE(u.config);
  ASSERT_EQ(u.diagnostics.errors(), 1U) << u.said();
  EXPECT_THAT(u.said(), HasSubstr(std::string(GetParam().says)));
  EXPECT_GT(u.diagnostics.sorted()[0].at.column, 0U);
}
INSTANTIATE_TEST_SUITE_P(
    Blocks, RefusedCheck,
    ::testing::Values(Wrong{"list", "[a]", "write true, false, or a mapping"},
                      Wrong{"path", "{path: health}", "write /health"},
                      Wrong{"url", "{path: 'http://b/'}", "write /health"},
                      Wrong{"path_with_blank", "{path: '/a b'}", "percent-encoded"},
                      Wrong{"method", "{method: PUT}", "write HEAD, GET or POST"},
                      Wrong{"host", "{host: 'a b'}", "is no host"},
                      Wrong{"host_url", "{host: 'http://a'}", "is no host"},
                      Wrong{"interval", "{interval: 0}", "interval"},
                      Wrong{"timeout", "{timeout: soon}", "timeout"},
                      Wrong{"rise", "{rise: 0}", "from 1 to 100"},
                      Wrong{"fall", "{fall: 2.5}", "is not whole"},
                      Wrong{"status", "{expect: ok}", "write a status such as 200"},
                      Wrong{"status_out_of_range", "{expect: 99}", "from 100 to 599"},
                      Wrong{"range_backwards", "{expect: 299-200}", "200-399"},
                      Wrong{"range_in_list", "{expect: [200, 30x]}", "30x"},
                      Wrong{"no_status", "{expect: []}", "empty"},
                      Wrong{"status_map", "{expect: {a: b}}", "a mapping"},
                      Wrong{"service", "{grpc: 'a b'}", "write true"},
                      Wrong{"grpc_with_path", "{grpc: true, path: /x}", "has no path"},
                      Wrong{"key_twice", "{path: /a, path: /b}", "given twice"}),
    [](const auto& test) { return std::string(test.param.name); });

// The route table keeps no more boundaries of a path: a request below a deeper route would have
// taken the route above it, without its authorization.
TEST(Upstreams, refuse_a_path_deeper_than_the_route_table_can_look_up) {
  const auto deep = [](int segments) {
    std::string path;
    for (int i = 0; i < segments; ++i) path += "/a";
    return Upstreams("upstreams: {a.test: {paths: {" + path + ": {servers: [a:1]}}}}");
  };
  EXPECT_TRUE(deep(64).config) << deep(64).said();
  EXPECT_FALSE(deep(65).config);
  EXPECT_THAT(deep(65).said(), HasSubstr("more than 64 segments"));
}

TEST(Upstreams, reports_all_mistakes_at_once) {
  const Upstreams u(
      "to_https: yes\nrate_limit: '5'\nupstreams:\n  a.test:\n    paths:\n      /: {servers: [x]}\n"
      "      /b: {servers: [a:1], helthcheck: false}\n");
  EXPECT_FALSE(u.config);
  EXPECT_EQ(u.diagnostics.errors(), 3U) << u.said();
  EXPECT_EQ(u.warnings(), 1U) << u.said();
  EXPECT_THAT(u.said(), HasSubstr("did you mean healthcheck?"));
}

TEST(Upstreams, a_path_says_how_its_servers_are_checked) {
  using Kind = HealthCheckConfig::Kind;
  const auto config = [](const std::string& value) {
    const auto u = route("servers: [a:1], healthcheck: " + value);
    EXPECT_TRUE(u.config) << u.said();
    EXPECT_EQ(u.said(), "");
    return u.path("a.test", "/").healthcheck;
  };
  EXPECT_EQ(route("servers: [a:1]").path("a.test", "/").healthcheck.kind, Kind::automatic);
  EXPECT_EQ(config("true").kind, Kind::automatic);
  EXPECT_EQ(config("false").kind, Kind::off);
  EXPECT_EQ(config("{interval: 0.5, timeout: 2, rise: 2, fall: 3, host: 'b.test:81'}").kind,
            Kind::automatic);
  const auto all = config(
      "{path: '/up?deep=1', method: get, host: b.test, interval: 10, timeout: 2.5, rise: 2, fall: "
      "3, expect: [200, 301-302]}");
  EXPECT_EQ(all.kind, Kind::http);
  EXPECT_EQ(all.path, "/up?deep=1");
  EXPECT_EQ(all.method, HealthMethod::get);
  EXPECT_EQ(all.host, "b.test");
  EXPECT_EQ(all.interval, std::chrono::seconds(10));
  EXPECT_EQ(all.timeout, std::chrono::milliseconds(2'500));
  EXPECT_EQ(all.rise, 2U);
  EXPECT_EQ(all.fall, 3U);
  ASSERT_EQ(all.expect.size(), 2U);
  EXPECT_EQ(all.expect[1].first, 301);
  EXPECT_EQ(all.expect[1].last, 302);
  EXPECT_EQ(config("{expect: 204}").expect.at(0).last, 204);
  EXPECT_EQ(config("{expect: 200-299}").kind, Kind::http);
  EXPECT_EQ(config("{grpc: true}").kind, Kind::grpc);
  EXPECT_EQ(config("{grpc: false}").kind, Kind::automatic);
  EXPECT_EQ(config("{grpc: shop.Cart}").service, "shop.Cart");
  EXPECT_THAT(route("servers: [a:1], healthcheck: {intervall: 5}").said(),
              HasSubstr("did you mean interval?"));
  EXPECT_THAT(route("servers: ['http://a:1'], healthcheck: {grpc: true}").said(),
              HasSubstr("has no gRPC"));
}

TEST(Upstreams, a_route_may_consist_of_a_redirect_alone) {
  EXPECT_EQ(route("redirect_to: 'https://b.test'").said(), "");
  EXPECT_EQ(route("redirect_to: /new, servers: []").said(), "");
  EXPECT_THAT(route("servers: []").said(), HasSubstr("every request is answered 502"));
  EXPECT_THAT(route("servers: [a:1], redirect_to: b.test").said(), HasSubstr("has no scheme"));
}

TEST(Upstreams, a_path_may_have_its_own_timeouts_and_no_stickiness) {
  const auto u = route(
      "servers: [a:1], upstream_connect_timeout: 0.5, upstream_first_byte_timeout: 2, "
      "upstream_idle_timeout: 3, sticky_sessions: 5");
  ASSERT_TRUE(u.config) << u.said();
  EXPECT_EQ(u.path("a.test", "/").connect_timeout, 500ms);
  EXPECT_EQ(u.path("a.test", "/").idle_timeout, 3s);
  EXPECT_EQ(u.warnings(), 1U);
}

TEST(Upstreams, never_show_a_secret) {
  for (const auto* text :
       {"authorization: {type: hunter2, data: basic}",
        "authorization: {type: basic, data: hunter2}",
        "authorization: {type: basic, data: [hunter2, 5]}", "authorization: [hunter2]",
        "authorization: {type: forward, data: 'ftp://u:hunter2@h'}", "client_headers: ['hunter2']",
        "server_headers: [{Authorization: hunter2}]", "server_headers: ['Bearer hunter2: x y']"}) {
    const Upstreams u(text);
    EXPECT_FALSE(u.config) << text;
    EXPECT_THAT(u.said(), Not(HasSubstr("hunter2"))) << text;
  }
}

TEST(Servers, of_a_port_alone_are_told_what_would_be_right) {
  Diagnostics e;
  EXPECT_FALSE(parse_upstreams("provider: file\nupstreams: {a.test: {paths: {/: {servers: [80]}}}}",
                               "up.yaml", e));
  EXPECT_THAT(e.render(), HasSubstr("servers[1]: 80 is a number, not text; write host:port"));
}

TEST(Provider, is_one_of_three_words) {
  for (const auto* bad : {"", "upstreams: {}\n", "provider: File\n", "provider: ''\n",
                          "provider: 5\n", "provider: [file]\n", "- provider\n", "text\n"}) {
    Diagnostics d;
    EXPECT_FALSE(parse_upstreams(bad, "up.yaml", d)) << bad;
    EXPECT_EQ(d.errors(), 1U) << d.render();
  }
}

TEST(Consul, servers_have_a_scheme_and_services_a_route) {
  Diagnostics d;
  const auto c = parse_upstreams(
      "provider: consul\nconsul:\n  servers: ['http://127.0.0.1:8500/']\n  token: t\n  services:\n"
      "    - {hostname: Web.test, upstream: web, path: //x, to_https: true, sticky_sessions: 5,\n"
      "       headers: ['A: b'], rate_limit: 5}\n",
      "up.yaml", d);
  ASSERT_TRUE(c) << d.render();
  EXPECT_EQ(c->consul->servers, std::vector<std::string>{"http://127.0.0.1:8500"});
  EXPECT_EQ(c->consul->token, "t");
  ASSERT_EQ(c->consul->services.size(), 1U);
  EXPECT_EQ(c->consul->services[0].hostname, "web.test");
  EXPECT_EQ(c->consul->services[0].path, "/x");
  EXPECT_EQ(c->consul->services[0].client_headers.size(), 1U);

  for (const auto* bad : {"provider: consul\n", "provider: consul\nconsul: x\n",
                          "provider: consul\nconsul: {servers: [127.0.0.1:8500], services: []}\n",
                          "provider: consul\nconsul: {services: {hostname: a}}\n",
                          "provider: consul\nconsul: {services: [{hostname: a.test}]}\n",
                          "provider: consul\nconsul: {services: [text]}\n",
                          "provider: consul\nconsul: {services: [{hostname: a, upstream: b, "
                          "authorization: {}}]}\n"}) {
    Diagnostics e;
    EXPECT_FALSE(parse_upstreams(bad, "up.yaml", e)) << bad;
    EXPECT_GE(e.errors(), 1U) << bad;
  }
}

TEST(Consul, servers_are_urls_and_services_have_names) {
  const auto errors = [](std::string_view server, std::string_view service) {
    Diagnostics d;
    static_cast<void>(parse_upstreams(
        fmt::format("provider: consul\nconsul: {{servers: ['{}'], services: [{{hostname: a.test, "
                    "upstream: {}}}]}}\n",
                    server, service),
        "up.yaml", d));
    return d.errors();
  };
  for (const auto* good : {"http://consul_1", "https://h:8501/base/", "http://[::1]:8500",
                           "http://[::1]", "HTTP://10.0.0.1:8500"})
    EXPECT_EQ(errors(good, "web"), 0U) << good;
  for (const auto* bad : {"http://", "http://:80", "http://h:0", "http://h:99999", "http://h:x",
                          "http://h:", "http://[::1", "http://::1", "http://h\\x", "http://u@h"})
    EXPECT_EQ(errors(bad, "web"), 1U) << bad;
  EXPECT_EQ(errors("http://h", "''"), 1U);
}

TEST(Kubernetes, servers_have_no_scheme_but_https) {
  Diagnostics d;
  const auto c = parse_upstreams(
      "provider: kubernetes\nkubernetes:\n  servers: ['10.0.0.1:6443', '[::1]:6443', "
      "'https://k:1']\n  services: [{hostname: a.test, upstream: web}]\n",
      "up.yaml", d);
  ASSERT_TRUE(c) << d.render();
  EXPECT_EQ(c->kubernetes->servers,
            (std::vector<std::string>{"10.0.0.1:6443", "[::1]:6443", "k:1"}));
  EXPECT_EQ(c->kubernetes->tokenpath, "/var/run/secrets/kubernetes.io/serviceaccount/token");
  Diagnostics e;
  EXPECT_FALSE(parse_upstreams(
      "provider: kubernetes\nkubernetes: {servers: ['http://k:1'], services: []}\n", "up.yaml", e));
  EXPECT_THAT(e.render(), HasSubstr("https alone"));
}

}  // namespace
}  // namespace aralez
