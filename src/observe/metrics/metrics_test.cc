#include "observe/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aralez {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

std::string render(const MetricsInput& in) {
  return render_metrics(in, MetricsFormat::text);
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

/// The families of the original with what one GET of HTTP/1.1 leaves behind: names, types, labels,
/// buckets and order are part of the drop-in surface.
TEST(Metrics, one_request_is_shown_as_the_original_shows_it) {
  CounterSet set(1);
  auto& c = set.block(0);
  c.add(Counter::requests_started, 2);
  c.add(Counter::requests);
  c.add(MethodLabel::get);
  c.add(VersionLabel::http11);
  c.add_status(200);
  c.add_latency(3ms);
  const std::string text =
      render({.totals = set.sum(),
              .routes = {{.host = "a.test", .path = "/", .by_class = {0, 0, 1}}},
              .access_log_lost = 0});
  std::string of_the_original;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find("# HELP", at + 1);
    const auto family = text.substr(at, end == std::string::npos ? end : end - at);
    for (const auto* name : {"active_sessions ", "logging_errors ", "requests_by_method_total ",
                             "requests_by_upstream ", "requests_by_version_total ",
                             "requests_total ", "response_latency_seconds ", "responses_total "})
      if (family.starts_with(std::string("# HELP aralez_") + name))
        of_the_original += family.substr(family.find('\n') + 1);
    at = end == std::string::npos ? text.size() : end;
  }
  EXPECT_EQ(of_the_original,
            "# TYPE aralez_active_sessions gauge\n"
            "aralez_active_sessions 1\n"
            "# TYPE aralez_logging_errors gauge\n"
            "aralez_logging_errors 0\n"
            "# TYPE aralez_requests_by_method_total counter\n"
            "aralez_requests_by_method_total{method=\"GET\"} 1\n"
            "# TYPE aralez_requests_by_upstream counter\n"
            "aralez_requests_by_upstream{upstream=\"a.test\"} 1\n"
            "# TYPE aralez_requests_by_version_total counter\n"
            "aralez_requests_by_version_total{version=\"HTTP/1.1\"} 1\n"
            "# TYPE aralez_requests_total counter\n"
            "aralez_requests_total 1\n"
            "# TYPE aralez_response_latency_seconds histogram\n"
            "aralez_response_latency_seconds_bucket{le=\"0.001\"} 0\n"
            "aralez_response_latency_seconds_bucket{le=\"0.005\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.01\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.025\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.05\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.075\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.1\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.25\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"0.5\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"1\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"2\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"5\"} 1\n"
            "aralez_response_latency_seconds_bucket{le=\"+Inf\"} 1\n"
            "aralez_response_latency_seconds_sum 0.003\n"
            "aralez_response_latency_seconds_count 1\n"
            "# TYPE aralez_responses_total counter\n"
            "aralez_responses_total{status=\"200\"} 1\n");
}

TEST(Metrics, what_the_original_has_appears_after_its_first_use) {
  const std::string text = render({});
  for (const auto* name : {"aralez_requests_", "aralez_response", "aralez_active_sessions",
                           "aralez_logging_errors", "aralez_local_replies"})
    EXPECT_THAT(text, Not(HasSubstr(name)));
  EXPECT_THAT(text, HasSubstr("\naralez_open_files 0\n"));
  EXPECT_THAT(text, HasSubstr("\naralez_memory_bytes 0\n"));
  EXPECT_THAT(text, HasSubstr("\naralez_errors_total 0\n"));
  EXPECT_THAT(text, HasSubstr("\naralez_retries_total 0\n"));
}

TEST(Metrics, labels_are_sorted_and_hosts_summed_over_their_routes) {
  CounterSet set(1);
  set.block(0).add(MethodLabel::post);
  set.block(0).add_status(0);
  set.block(0).add_status(204);
  set.block(0).add(Reason::no_route);
  set.block(0).add(Reason::bad_header);
  const std::string text = render(
      {.totals = set.sum(),
       .routes = {
           {.host = "a.test", .path = "/", .by_class = {1, 0, 2, 0, 0, 3}, .cut = 1, .latency = 2s},
           {.host = "a.test", .path = "/x", .by_class = {0, 0, 4}},
           {.host = "localhost", .path = "", .by_class = {0, 0, 0, 0, 0, 1}}}});
  EXPECT_THAT(text, HasSubstr("aralez_requests_by_upstream{upstream=\"a.test\"} 10\n"
                              "aralez_requests_by_upstream{upstream=\"localhost\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("{status=\"204\"} 1\naralez_responses_total{status=\"410\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("aralez_local_replies_total{reason=\"bad_header\"} 1\n"
                              "aralez_local_replies_total{reason=\"no_route\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("aralez_route_requests_total{host=\"a.test\",path=\"/\",status=\"2xx\"} 2\n"
                "aralez_route_requests_total{host=\"a.test\",path=\"/\",status=\"5xx\"} 3\n"
                "aralez_route_requests_total{host=\"a.test\",path=\"/\",status=\"none\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("aralez_route_errors_total{host=\"a.test\",path=\"/\"} 4\n"));
  EXPECT_THAT(text,
              HasSubstr("aralez_route_latency_seconds_sum{host=\"a.test\",path=\"/\"} 2\n"
                        "aralez_route_latency_seconds_count{host=\"a.test\",path=\"/\"} 6\n"));
}

TEST(Metrics, endpoints_certificates_and_the_configuration_are_shown) {
  const std::string text =
      render({.endpoints = {{.endpoint = "b:1", .healthy = false},
                            {.endpoint = "a:1", .requests = 5, .connects = 2, .connecting = 30ms}},
              .certificates = {{.name = "x", .expires = 2'000'000'000}},
              .reloads = {.applied = 3, .refused = 1, .generation = 4, .applied_at = 1'800'000'000},
              .server_log_lost = 7});
  EXPECT_THAT(text, HasSubstr("aralez_endpoint_healthy{endpoint=\"a:1\"} 1\n"
                              "aralez_endpoint_healthy{endpoint=\"b:1\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("aralez_endpoint_connect_seconds_sum{endpoint=\"a:1\"} 0.03\n"
                              "aralez_endpoint_connect_seconds_count{endpoint=\"a:1\"} 2\n"));
  EXPECT_THAT(
      text,
      HasSubstr("aralez_certificate_expiry_timestamp_seconds{certificate=\"x\"} 2000000000\n"));
  EXPECT_THAT(text, HasSubstr("aralez_reloads_total{result=\"applied\"} 3\n"
                              "aralez_reloads_total{result=\"refused\"} 1\n"
                              "aralez_reloads_total{result=\"unchanged\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("\naralez_config_generation 4\n"));
  EXPECT_THAT(text, HasSubstr("\naralez_server_log_dropped_total 7\n"));
}

TEST(Metrics, series_are_bounded_and_the_rest_is_summed_up) {
  MetricsInput in;
  for (std::size_t i = 0; i < kMaxSeries + 500; ++i) {
    in.routes.push_back({.host = "h" + std::to_string(i), .path = "/", .by_class = {0, 0, i + 1}});
    in.endpoints.push_back({.endpoint = "e" + std::to_string(i), .requests = i});
    in.certificates.push_back(
        {.name = "c" + std::to_string(i), .expires = static_cast<std::time_t>(i)});
  }
  const std::string text = render(in);
  EXPECT_EQ(count(text, "\naralez_route_errors_total{"), kMaxSeries);
  EXPECT_EQ(count(text, "\naralez_endpoint_healthy{"), kMaxSeries);
  EXPECT_EQ(count(text, "\naralez_certificate_expiry_timestamp_seconds{"), kMaxSeries);
  // 1 to 501 requests.
  EXPECT_THAT(text,
              HasSubstr("aralez_route_requests_total{host=\"other\",path=\"\",status=\"2xx\"} "
                        "125751\n"));
  EXPECT_THAT(text, HasSubstr("{host=\"h1499\",path=\"/\",status=\"2xx\"} 1500\n"));
  EXPECT_THAT(text, HasSubstr("{certificate=\"c0\"} 0\n"));
}

TEST(Metrics, no_two_families_share_a_name_in_openmetrics) {
  CounterSet set(1);
  for (std::size_t i = 0; i < kCounters; ++i) set.block(0).add(static_cast<Counter>(i));
  set.block(0).add_latency(1ms);
  set.block(0).add(TlsLabel::tls13);
  set.block(0).add(UpstreamLabel::http1);
  const std::string text =
      render_metrics({.totals = set.sum(),
                      .routes = {{.host = "a", .path = "/", .by_class = {0, 0, 1}}},
                      .endpoints = {{.endpoint = "e"}}},
                     MetricsFormat::openmetrics);
  std::vector<std::string> names;
  for (auto at = text.find("# TYPE "); at != std::string::npos; at = text.find("# TYPE ", at + 1))
    names.push_back(text.substr(at + 7, text.find(' ', at + 7) - at - 7));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_THAT(text, HasSubstr("# TYPE aralez_requests_by_upstream unknown\n"
                              "aralez_requests_by_upstream{upstream=\"a\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE aralez_requests counter\naralez_requests_total 1\n"));
  EXPECT_THAT(text, ::testing::EndsWith("\n# EOF\n"));
}

TEST(Metrics, the_process_is_sampled) {
  ProcessFigures p;
  sample_process(p);
  EXPECT_GE(p.open_files, 3U);
  EXPECT_GT(p.memory_bytes, 100'000U);
}

}  // namespace
}  // namespace aralez
