#include "observe/metrics/exposition.h"

#include <gtest/gtest.h>

namespace aralez {
namespace {

constexpr MetricFamily kB{"b_total", "Bees.", MetricType::counter, "kind"};
constexpr MetricFamily kA{"a_bytes", "Some.", MetricType::gauge};
constexpr MetricFamily kOdd{"odd", "No ending.", MetricType::counter, "x"};

TEST(Exposition, families_stand_by_name_and_those_without_samples_are_left_out) {
  Exposition out(MetricsFormat::text);
  out.begin(kB);
  out.sample({{"kind", "x"}}, std::uint64_t{18'446'744'073'709'551'615U});
  out.begin(kOdd);
  out.begin(kA);
  out.sample({}, 0.25);
  EXPECT_EQ(out.finish(),
            "# HELP a_bytes Some.\n# TYPE a_bytes gauge\na_bytes 0.25\n"
            "# HELP b_total Bees.\n# TYPE b_total counter\nb_total{kind=\"x\"} "
            "18446744073709551615\n");
}

TEST(Exposition, openmetrics_keeps_every_name_and_has_an_end) {
  Exposition out(MetricsFormat::openmetrics);
  out.begin(kB);
  out.sample({{"kind", "x"}}, std::uint64_t{1});
  out.begin(kOdd);
  out.sample({{"x", "1"}}, std::uint64_t{2});
  EXPECT_EQ(out.finish(),
            "# HELP b Bees.\n# TYPE b counter\nb_total{kind=\"x\"} 1\n"
            "# HELP odd No ending.\n# TYPE odd unknown\nodd{x=\"1\"} 2\n# EOF\n");
}

TEST(Exposition, label_values_are_escaped) {
  Exposition out(MetricsFormat::text);
  out.begin(kOdd);
  out.sample({{"x", "a\\b\"c\nd"}, {"y", ""}}, std::uint64_t{1});
  EXPECT_NE(out.finish().find("odd{x=\"a\\\\b\\\"c\\nd\",y=\"\"} 1\n"), std::string::npos);
}

TEST(Exposition, the_accept_field_picks_the_format) {
  for (const auto* text :
       {"", "*/*", "text/plain", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/html",
        "application/openmetrics-text;q=0", "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;q=0.3, text/plain;q=0.5", "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=7", ",;,q=1", "application/json, */*"})
    EXPECT_EQ(metrics_format_for(text), MetricsFormat::text) << text;
  for (const auto* text :
       {"application/openmetrics-text", "Application/OpenMetrics-Text; Version=\"1.0.0\"",
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,*/"
        "*;q=0.2"})
    EXPECT_EQ(metrics_format_for(text), MetricsFormat::openmetrics) << text;
  EXPECT_EQ(content_type_of(MetricsFormat::text), "text/plain; version=0.0.4");
}

}  // namespace
}  // namespace aralez
