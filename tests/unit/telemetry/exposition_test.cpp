#include "telemetry/exposition.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace limpet::telemetry {
namespace {

TEST(PrometheusText, IsWhatPrometheusReads) {
  const std::vector<MetricFamily> families = {
      {.name = "a_total",
       .help = "Counts a.",
       .type = MetricType::kCounter,
       .samples = {{.labels = {{"code", "200"}, {"path", "a\"b\\c\nd"}}, .value = 3, .histogram = {}},
                   {.labels = {{"code", "404"}}, .value = 12345678901, .histogram = {}}},
       .bounds = {}},
      {.name = "empty", .help = "Left out.", .type = MetricType::kGauge, .samples = {}, .bounds = {}},
      single_metric("b", "A gauge.", MetricType::kGauge, -1.5),
      {.name = "c_seconds",
       .help = "A histogram.",
       .type = MetricType::kHistogram,
       .samples = {{.labels = {{"x", "y"}}, .value = 0, .histogram = {.counts = {2, 0, 1}, .sum = 6.25}}},
       .bounds = {0.1, 5}},
  };
  EXPECT_EQ(prometheus_text(families),
            "# HELP a_total Counts a.\n"
            "# TYPE a_total counter\n"
            "a_total{code=\"200\",path=\"a\\\"b\\\\c\\nd\"} 3\n"
            "a_total{code=\"404\"} 12345678901\n"
            "# HELP b A gauge.\n"
            "# TYPE b gauge\n"
            "b -1.5\n"
            "# HELP c_seconds A histogram.\n"
            "# TYPE c_seconds histogram\n"
            "c_seconds_count{x=\"y\"} 3\n"
            "c_seconds_sum{x=\"y\"} 6.25\n"
            "c_seconds_bucket{x=\"y\",le=\"0.1\"} 2\n"
            "c_seconds_bucket{x=\"y\",le=\"5\"} 2\n"
            "c_seconds_bucket{x=\"y\",le=\"+Inf\"} 3\n");
}

TEST(PrometheusText, OfNothingIsEmpty) {
  EXPECT_EQ(prometheus_text({}), "");
}

}  // namespace
}  // namespace limpet::telemetry
