#include "telemetry/exposition.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstddef>
#include <limits>
#include <utility>

#include "base/check.h"

namespace limpet::telemetry {
namespace {

prometheus::MetricType type_of(MetricType type) noexcept {
  switch (type) {
    case MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram histogram_of(const HistogramReading& reading,
                                                 std::span<const double> bounds) {
  LIMPET_CHECK(reading.counts.size() == bounds.size() + 1);
  prometheus::ClientMetric::Histogram histogram;
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < reading.counts.size(); ++i) {
    cumulative += reading.counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({.cumulative_count = cumulative, .upper_bound = bound});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = reading.sum;
  return histogram;
}

prometheus::ClientMetric metric_of(const Sample& sample, const MetricFamily& family) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({.name = name, .value = value});
  switch (family.type) {
    case MetricType::kCounter:
      metric.counter.value = sample.value;
      break;
    case MetricType::kGauge:
      metric.gauge.value = sample.value;
      break;
    case MetricType::kHistogram:
      metric.histogram = histogram_of(sample.histogram, family.bounds);
      break;
  }
  return metric;
}

}  // namespace

MetricFamily single_metric(std::string name, std::string help, MetricType type, double value) {
  return {.name = std::move(name),
          .help = std::move(help),
          .type = type,
          .samples = {{.labels = {}, .value = value, .histogram = {}}},
          .bounds = {}};
}

std::string prometheus_text(std::span<const MetricFamily> families) {
  std::vector<prometheus::MetricFamily> converted;
  for (const MetricFamily& family : families) {
    if (family.samples.empty()) continue;
    prometheus::MetricFamily& target = converted.emplace_back();
    target.name = family.name;
    target.help = family.help;
    target.type = type_of(family.type);
    for (const Sample& sample : family.samples) target.metric.push_back(metric_of(sample, family));
  }
  return prometheus::TextSerializer().Serialize(converted);
}

}  // namespace limpet::telemetry
