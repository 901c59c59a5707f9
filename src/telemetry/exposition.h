#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/histogram.h"

/// Metrics as plain data, and their text for Prometheus. Control thread.
namespace limpet::telemetry {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

/// One label: name and value.
using Label = std::pair<std::string, std::string>;

/// One series of a family at one moment.
struct Sample {
  std::vector<Label> labels;
  double value = 0;            ///< of a counter or gauge
  HistogramReading histogram;  ///< of a histogram
};

/// All series of one metric.
struct MetricFamily {
  std::string name;
  std::string help;
  MetricType type = MetricType::kCounter;
  std::vector<Sample> samples;
  std::vector<double> bounds;  ///< of a histogram: the upper bounds of the buckets, ascending
};

/// A family with one series without labels.
[[nodiscard]] MetricFamily single_metric(std::string name, std::string help, MetricType type, double value);

/// The content type of `prometheus_text`.
inline constexpr const char* kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/// The families in Prometheus's text format 0.0.4; families without samples are left out.
[[nodiscard]] std::string prometheus_text(std::span<const MetricFamily> families);

}  // namespace limpet::telemetry
