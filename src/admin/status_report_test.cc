#include "admin/status_report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "admin/active_config_test.h"

namespace aralez {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

class Report : public ActiveConfigTest {
 protected:
  void SetUp() override {
    apply(
        "  shop.test: {paths: {/: {servers: ['10.0.0.1:80']}, /cart: {servers: ['10.0.0.1:80', "
        "'h2c://10.0.0.2:81'], healthcheck: false}}}\n"
        "  blog.test: {paths: {/: {redirect_to: 'http://x.test', servers: []}}}\n",
        at(100));
    input_.workers = 2;
    input_.started = at(40);
    input_.now = at(160);
  }
  json report() {
    input_.config = config_.read();
    input_.totals = counters_.sum();
    return json::parse(status_report(input_));
  }

  CounterSet counters_{2};
};

TEST_F(Report, tells_what_runs_and_since_when) {
  const json j = report();
  EXPECT_EQ(j["version"], ARALEZ_VERSION);
  EXPECT_EQ(j["time"], 160);
  EXPECT_EQ(j["uptime_seconds"], 120);
  EXPECT_EQ(j["workers"], 2);
  EXPECT_EQ(j["configuration"]["generation"], 7);
  EXPECT_EQ(j["configuration"]["origin"], "file");
  EXPECT_EQ(j["configuration"]["since"], 100);
  EXPECT_EQ(j["configuration"]["age_seconds"], 60);
  EXPECT_EQ(j["configuration"]["reloads"],
            (json{{"applied", 1}, {"unchanged", 0}, {"refused", 0}}));
}

TEST_F(Report, tells_of_certificates_that_are_ordered) {
  input_.acme = {.directory = "https://ca/dir"};
  EXPECT_EQ(report()["acme"], (json{{"directory", "https://ca/dir"},
                                    {"account", nullptr},
                                    {"trouble", nullptr},
                                    {"issued", 0},
                                    {"failed", 0},
                                    {"names", json::array()}}));
  input_.acme = {.directory = "https://ca/dir",
                 .account = "https://ca/acct/1",
                 .trouble = "no list",
                 .names = {{.name = "a.test", .trouble = "", .next_look = at(200)},
                           {.name = "b.test", .trouble = "no", .next_look = at(300)}},
                 .issued = 3,
                 .failed = 1};
  const json acme = report()["acme"];
  EXPECT_EQ(acme["account"], "https://ca/acct/1");
  EXPECT_EQ(acme["trouble"], "no list");
  EXPECT_EQ(acme["issued"], 3);
  EXPECT_EQ(acme["names"][0], (json{{"name", "a.test"}, {"trouble", nullptr}, {"next_try", 200}}));
  EXPECT_EQ(acme["names"][1]["trouble"], "no");
}

TEST_F(Report, tells_how_the_last_reload_ended) {
  config_.not_applied({.origin = ConfigOrigin::api,
                       .result = ReloadResult::refused,
                       .at = at(150),
                       .messages = "body:1:1: one\nbody:2:1: two\n"});
  const json last = report()["configuration"]["last_reload"];
  EXPECT_EQ(last["result"], "refused");
  EXPECT_EQ(last["origin"], "api");
  EXPECT_EQ(last["age_seconds"], 10);
  EXPECT_EQ(last["messages"], (json{"body:1:1: one", "body:2:1: two"}));
}

TEST_F(Report, has_the_services_of_a_registry) {
  EXPECT_EQ(report()["services"], json::array());
  input_.services[{"api", "grpc"}] = {.trouble = "http://x: refused"};
  input_.services[{"web", ""}] = {.servers = std::vector<ServerConfig>(2), .answered = at(150)};
  EXPECT_EQ(report()["services"], json::parse(R"([
    {"name": "api", "port": "grpc", "servers": null, "answered": null, "trouble": "http://x: refused"},
    {"name": "web", "port": "", "servers": 2, "answered": 150, "trouble": null}])"));
}

TEST_F(Report, has_hosts_routes_and_endpoints_in_the_order_of_the_configuration) {
  const json hosts = report()["hosts"];
  ASSERT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts[0]["host"], "shop.test");
  EXPECT_EQ(hosts[0]["routes"][0]["path"], "/");
  EXPECT_EQ(hosts[0]["routes"][0]["source"], "up.yaml:3");
  EXPECT_EQ(hosts[0]["routes"][1]["endpoints"].size(), 2U);
  EXPECT_EQ(hosts[1]["routes"][0]["endpoints"], json::array());
  const json first = hosts[0]["routes"][0]["endpoints"][0];
  EXPECT_EQ(first["address"], "10.0.0.1:80");
  EXPECT_EQ(first["health"], "unknown");
  EXPECT_EQ(first["protocol"], nullptr);
  EXPECT_EQ(first["last_error"], nullptr);
  EXPECT_EQ(hosts[0]["routes"][1]["endpoints"][0]["health"], "unchecked");
}

TEST_F(Report, counts_endpoints_over_all_workers) {
  const auto& spec = config_.read().active->snapshot->clusters[0].endpoints[0];
  EndpointCell::add(spec.state->cell(0).requests, 3);
  EndpointCell::add(spec.state->cell(1).requests, 4);
  EndpointCell::add(spec.state->cell(1).connects, 2);
  EndpointCell::add(spec.state->cell(1).connect_nanos, 5'000'000);
  spec.state->cell(1).protocol = UpstreamProtocol::h2c;
  const json e = report()["hosts"][0]["routes"][0]["endpoints"][0];
  EXPECT_EQ(e["requests"], 7);
  EXPECT_EQ(e["connects"], 2);
  EXPECT_DOUBLE_EQ(e["connect_seconds"], 0.005);
  EXPECT_EQ(e["protocol"], "h2c");
}

TEST_F(Report, says_which_endpoints_are_down_or_left_out) {
  const auto& spec = config_.read().active->snapshot->clusters[0].endpoints[0];
  const TimePoint now = std::chrono::steady_clock::now();
  spec.health->note(now, now, "refused the connection");
  const json e = report()["hosts"][0]["routes"][0]["endpoints"][0];
  EXPECT_EQ(e["health"], "down");
  EXPECT_EQ(e["last_error"], "refused the connection");
  EXPECT_TRUE(e["last_error_at"].is_number());
  const auto& other = config_.read().active->snapshot->clusters[1].endpoints[1];
  other.state->cell(0).reach = Reach::out;
  EXPECT_EQ(report()["hosts"][0]["routes"][1]["endpoints"][1]["health"], "unchecked")
      << "the other worker still sends to it";
  other.state->cell(1).reach = Reach::out;
  EXPECT_EQ(report()["hosts"][0]["routes"][1]["endpoints"][1]["health"], "left_out");
}

TEST_F(Report, counts_routes_requests_and_reasons) {
  input_.routes = {{.host = "shop.test",
                    .path = "/cart",
                    .by_class = {0, 0, 5, 0, 1, 2},
                    .cut = 1,
                    .latency = std::chrono::milliseconds(40)}};
  counters_.block(0).add(Counter::requests, 8);
  counters_.block(1).add_status(200);
  counters_.block(1).add_status(502);
  counters_.block(1).add(Reason::no_route);
  counters_.block(0).add_latency(std::chrono::milliseconds(3));
  const json j = report();
  const json route = j["hosts"][0]["routes"][1];
  EXPECT_EQ(route["requests"], 8);
  EXPECT_EQ(route["errors"], 3);
  EXPECT_DOUBLE_EQ(route["latency_seconds"], 0.04);
  EXPECT_EQ(j["hosts"][0]["routes"][0]["requests"], 0);
  EXPECT_EQ(j["requests"]["total"], 8);
  EXPECT_EQ(j["requests"]["by_status"], (json{{"200", 1}, {"502", 1}}));
  EXPECT_EQ(j["local_replies"], (json{{"no_route", 1}}));
  EXPECT_EQ(j["requests"]["latency"]["bounds_seconds"][0], 0.001);
  EXPECT_EQ(j["requests"]["latency"]["counts"].size(),
            j["requests"]["latency"]["bounds_seconds"].size() + 1);
  EXPECT_EQ(j["requests"]["latency"]["counts"][1], 1);
}

TEST_F(Report, tells_how_many_days_certificates_have_left) {
  constexpr std::time_t kDay = 24 * 60 * 60;
  input_.certificates = {{.name = "shop", .hosts = {"shop.test"}, .expires = 160 + 3 * kDay},
                         {.name = "", .hosts = {}, .expires = 160 + kDay - 1},
                         {.name = "old", .hosts = {}, .expires = 159}};
  const json c = report()["certificates"];
  EXPECT_EQ(c[0], (json{{"name", "shop"},
                        {"names", {"shop.test"}},
                        {"not_after", 160 + 3 * kDay},
                        {"days_left", 3}}));
  EXPECT_EQ(c[1]["name"], "self-signed");
  EXPECT_EQ(c[1]["days_left"], 0);
  EXPECT_EQ(c[2]["days_left"], -1);
}

}  // namespace
}  // namespace aralez
