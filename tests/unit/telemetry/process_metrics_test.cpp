#include "telemetry/process_metrics.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace limpet::telemetry {
namespace {

TEST(ProcessMetrics, TellsWhatTheSystemKnows) {
  std::map<std::string, double> values;
  for (const MetricFamily& family : process_metrics()) values[family.name] = family.samples.at(0).value;
  EXPECT_EQ(values.at("limpet_build_info"), 1);
  EXPECT_GE(values.at("process_cpu_seconds_total"), 0);
  EXPECT_GE(values.at("process_open_fds"), 3);
  EXPECT_GE(values.at("process_max_fds"), values.at("process_open_fds"));
  EXPECT_GT(values.at("process_resident_memory_bytes"), 0);
  EXPECT_GE(values.at("process_virtual_memory_bytes"), values.at("process_resident_memory_bytes"));
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(values.at("process_start_time_seconds"), now, 600);
}

TEST(ProcessMetrics, NamesTheVersion) {
  const Sample sample = process_metrics().at(0).samples.at(0);
  EXPECT_EQ(sample.labels, (std::vector<Label>{{"version", LIMPET_VERSION}}));
}

}  // namespace
}  // namespace limpet::telemetry
