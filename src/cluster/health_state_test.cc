#include "cluster/health_state.h"

#include <gtest/gtest.h>

#include "cluster/endpoint_registry.h"
#include "cluster/endpoint_report.h"

namespace aralez {
namespace {

using std::chrono::seconds;

/// A check every second; `+` is a good one, `-` a bad one. Gives the verdict after each: `u`p,
/// `d`own or `?`.
std::string run(std::uint32_t rise, std::uint32_t fall, std::string_view checks) {
  HealthState state({}, {.rise = rise, .fall = fall}, nullptr);
  TimePoint now{seconds(100)};
  std::string out;
  for (const char c : checks) {
    const Health before = state.verdict();
    const auto change = state.note(now, now, c == '+' ? "" : "broken");
    EXPECT_EQ(change.has_value(), before != state.verdict());
    out += state.verdict() == Health::up ? 'u' : state.verdict() == Health::down ? 'd' : '?';
    now += seconds(1);
  }
  return out;
}

TEST(HealthState, one_check_decides_by_default) {
  EXPECT_EQ(run(1, 1, "+-+--+"), "ududdu");
  EXPECT_EQ(run(1, 1, "-+"), "du");
}

TEST(HealthState, rises_and_falls_by_checks_in_a_row) {
  EXPECT_EQ(run(2, 3, "+--+---++"), "uuuuuuddu");
  EXPECT_EQ(run(2, 3, "+---+-+-++"),
            "uuudddd"
            "ddu");
}

TEST(HealthState, what_was_never_down_need_not_rise_and_falls_like_what_is_up) {
  EXPECT_EQ(run(5, 3, "+"), "u");
  EXPECT_EQ(run(5, 3, "---"), "??d");
  EXPECT_EQ(run(5, 3, "--+"), "??u");
}

TEST(HealthState, says_what_changed_and_after_how_long) {
  HealthState state({}, {}, nullptr);
  const TimePoint t{seconds(100)};
  auto change = state.note(t, t + Millis(5), "connection refused");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->from, Health::unknown);
  EXPECT_EQ(change->to, Health::down);
  EXPECT_EQ(change->after.count(), 0);
  EXPECT_FALSE(state.note(t + seconds(1), t + seconds(1), "no route to host"));
  change = state.note(t + seconds(7), t + seconds(7) + Millis(5), "");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->to, Health::up);
  EXPECT_EQ(change->after, seconds(7));
  const auto facts = state.facts();
  EXPECT_EQ(facts.verdict, Health::up);
  EXPECT_EQ(facts.error, "");
  EXPECT_EQ(facts.last_error, "no route to host");
  EXPECT_EQ(facts.checked, t + seconds(7));
  EXPECT_EQ(facts.since, t + seconds(7) + Millis(5));
}

TEST(HealthState, unchecked_is_never_down) {
  EXPECT_EQ(HealthState::unchecked()->verdict(), Health::unknown);
  EXPECT_EQ(HealthState::unchecked(), HealthState::unchecked());
}

TEST(HealthCheckSpec, expects_99_to_498_by_default) {
  const HealthCheckSpec spec;
  for (const std::uint32_t good : {99U, 100U, 200U, 301U, 404U, 498U})
    EXPECT_TRUE(spec.expects(good));
  for (const std::uint32_t bad : {0U, 98U, 499U, 500U, 999U}) EXPECT_FALSE(spec.expects(bad));
  const HealthCheckSpec own{.expect = {{200, 204}, {401, 401}}};
  EXPECT_TRUE(own.expects(204) && own.expects(401));
  EXPECT_FALSE(own.expects(205) || own.expects(400));
}

class Registry : public ::testing::Test {
 protected:
  EndpointSpec endpoint(std::uint16_t port, const HealthCheckSpec& check = {},
                        const std::string& name = "a.test") {
    EndpointSpec spec{.host = "10.0.0.1", .port = port};
    registry_.attach(spec, check, name);
    return spec;
  }
  EndpointRegistry registry_{2};
};

TEST_F(Registry, gives_equal_endpoints_the_same_state) {
  const auto a = endpoint(1);
  const auto b = endpoint(1);
  const auto other = endpoint(2);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.health, b.health);
  EXPECT_EQ(a, b);
  EXPECT_NE(a.state, other.state);
}

TEST_F(Registry, checks_differ_by_what_is_asked_endpoints_do_not) {
  const auto a = endpoint(1, {.path = "/"});
  for (const HealthCheckSpec& other :
       {HealthCheckSpec{.path = "/x"}, HealthCheckSpec{.method = "GET"},
        HealthCheckSpec{.host = "b.test"}, HealthCheckSpec{.interval = Millis(1)},
        HealthCheckSpec{.timeout = Millis(1)}, HealthCheckSpec{.rise = 2},
        HealthCheckSpec{.fall = 2}, HealthCheckSpec{.expect = {{200, 200}}},
        HealthCheckSpec{.kind = HealthCheckSpec::Kind::grpc}, HealthCheckSpec{.service = "s"}}) {
    const auto b = endpoint(1, other);
    EXPECT_EQ(a.state, b.state);
    EXPECT_NE(a.health, b.health) << other.identity();
    EXPECT_FALSE(a == b);
  }
  EXPECT_EQ(endpoint(1, {}, "other.test").health, a.health)
      << "one check for all hosts of a server, unless its certificate is judged by the name";
}

TEST_F(Registry, where_certificates_count_the_name_does) {
  const auto context = ClientContext::make({.verify = true});
  const auto check = [&](const std::string& name) {
    EndpointSpec spec{.host = "10.0.0.1", .port = 1, .tls = context};
    registry_.attach(spec, {}, name);
    return spec.health;
  };
  const auto a = check("a.test");
  EXPECT_EQ(a, check("a.test"));
  EXPECT_NE(a, check("b.test"));
  EXPECT_TRUE(a->target().tls->verify);
}

TEST_F(Registry, a_verdict_outlives_the_configuration_it_came_with) {
  auto first = endpoint(1);
  const TimePoint now{seconds(1)};
  (void)first.health->note(now, now, "refused");
  const auto second = endpoint(1);  // while the first one still runs
  first = {};
  EXPECT_EQ(second.health->verdict(), Health::down);
}

TEST_F(Registry, forgets_what_nobody_names) {
  std::weak_ptr<HealthState> gone = endpoint(1).health;
  EXPECT_TRUE(gone.expired());
  for (std::uint16_t port = 1; port < 5'000; ++port) (void)endpoint(port);
  EXPECT_EQ(endpoint(1).health->verdict(), Health::unknown);
}

TEST_F(Registry, what_is_not_checked_has_a_state_all_the_same) {
  EndpointSpec spec{.host = "::1", .port = 7};
  registry_.attach(spec);
  EXPECT_EQ(spec.health, nullptr);
  EXPECT_EQ(spec.state->name(), "[::1]:7");
}

TEST_F(Registry, reports_each_endpoint_once_with_the_sum_of_its_workers) {
  const auto a = endpoint(1, {.path = "/a"});
  const auto b = endpoint(1, {.path = "/b"});
  const auto c = endpoint(2, {.path = "/a"});
  EndpointCell::add(a.state->cell(0).requests, 5);
  EndpointCell::add(a.state->cell(1).requests, 2);
  a.state->cell(1).reach = Reach::out;
  a.state->cell(1).protocol = UpstreamProtocol::h2c;
  const TimePoint now{seconds(1)};
  (void)a.health->note(now, now, "");
  (void)b.health->note(now, now, "status 500");
  const std::vector<ClusterSpec> clusters{{"one", {a}}, {"two", {b, c, a}}};
  const auto all = report_endpoints(clusters);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].address, "10.0.0.1:1");
  EXPECT_EQ(all[0].totals.requests, 7U);
  EXPECT_EQ(all[0].totals.workers_without, 1U);
  EXPECT_EQ(all[0].totals.protocol, UpstreamProtocol::h2c);
  ASSERT_EQ(all[0].checks.size(), 2U);
  EXPECT_EQ(all[0].checks[1].facts.error, "status 500");
  EXPECT_EQ(all[0].health(), Health::down) << "of all checks the worst";
  EXPECT_EQ(all[1].health(), Health::unknown);
  const auto two = report_endpoints(clusters[1]);
  ASSERT_EQ(two.size(), 3U);
  EXPECT_EQ(two[2].health(), Health::up) << "of this route's check alone";
}

}  // namespace
}  // namespace aralez
