#include "admin/metrics_page.h"

#include <gmock/gmock.h>

#include "admin/active_config_test.h"

namespace aralez {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MetricsPage : public ActiveConfigTest {
 protected:
  void SetUp() override {
    apply(
        "  a.test: {paths: {/: {servers: ['10.0.0.1:80', 'h2c://10.0.0.2:81']}, /x: {servers: "
        "['10.0.0.1:80', 'http://10.0.0.2:81']}}}\n",
        at(100));
    input_.config = config_.read();
  }
  EndpointState& state(std::size_t cluster, std::size_t endpoint) {
    return *input_.config.active->snapshot->clusters[cluster].endpoints[endpoint].state;
  }
  std::string page() { return render_metrics(metrics_of(input_), MetricsFormat::text); }
};

TEST_F(MetricsPage, a_server_is_one_series_however_it_is_spoken_to) {
  EndpointCell::add(state(0, 0).cell(0).requests, 3);
  EndpointCell::add(state(0, 0).cell(1).requests, 4);
  EndpointCell::add(state(0, 1).cell(0).failures, 1);
  EndpointCell::add(state(1, 1).cell(1).failures, 2);
  EndpointCell::add(state(1, 1).cell(1).connects, 2);
  EndpointCell::add(state(1, 1).cell(1).connect_nanos, 5'000'000);
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("aralez_endpoint_requests_total{endpoint=\"10.0.0.1:80\"} 7\n"
                              "aralez_endpoint_requests_total{endpoint=\"10.0.0.2:81\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("aralez_endpoint_failures_total{endpoint=\"10.0.0.2:81\"} 3\n"));
  EXPECT_THAT(text,
              HasSubstr("aralez_endpoint_connect_seconds_sum{endpoint=\"10.0.0.2:81\"} 0.005\n"
                        "aralez_endpoint_connect_seconds_count{endpoint=\"10.0.0.2:81\"} 2\n"));
}

TEST_F(MetricsPage, a_server_that_is_left_out_is_not_healthy) {
  EXPECT_THAT(page(), HasSubstr("aralez_endpoint_healthy{endpoint=\"10.0.0.2:81\"} 1\n"));
  state(1, 1).cell(1).reach = Reach::out;
  EXPECT_THAT(page(), HasSubstr("aralez_endpoint_healthy{endpoint=\"10.0.0.1:80\"} 1\n"
                                "aralez_endpoint_healthy{endpoint=\"10.0.0.2:81\"} 0\n"));
}

TEST_F(MetricsPage, has_the_configuration_and_the_certificates) {
  config_.not_applied({.result = ReloadResult::refused});
  input_.config = config_.read();
  input_.certificates = {{.name = "a", .expires = 5}, {.name = "", .expires = 6}};
  input_.started = std::chrono::system_clock::time_point(std::chrono::seconds(90));
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("aralez_config_generation 7\n"));
  EXPECT_THAT(text, HasSubstr("aralez_config_applied_timestamp_seconds 100\n"));
  EXPECT_THAT(text, HasSubstr("aralez_start_time_seconds 90\n"));
  EXPECT_THAT(text, HasSubstr("aralez_reloads_total{result=\"applied\"} 1\n"
                              "aralez_reloads_total{result=\"refused\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("aralez_certificate_expiry_timestamp_seconds{certificate=\"a\"} 5\n"
                        "aralez_certificate_expiry_timestamp_seconds{certificate=\"self-signed\"} "
                        "6\n"));
}

TEST_F(MetricsPage, has_the_services_of_a_registry) {
  EXPECT_THAT(page(), Not(HasSubstr("aralez_service")));
  input_.services[{"web", ""}] = {
      .servers = std::vector<ServerConfig>(2),
      .answered = std::chrono::system_clock::time_point(std::chrono::seconds(5))};
  input_.services[{"web", "grpc"}] = {.trouble = "refused"};
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("aralez_service_servers{service=\"web\"} 2\n"
                              "aralez_service_servers{service=\"web:grpc\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("aralez_service_registry_up{service=\"web\"} 1\n"
                              "aralez_service_registry_up{service=\"web:grpc\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("aralez_service_answer_timestamp_seconds{service=\"web\"} 5\n"
                              "aralez_service_answer_timestamp_seconds{service=\"web:grpc\"} 0\n"));
}

}  // namespace
}  // namespace aralez
