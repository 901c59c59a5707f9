#pragma once

#include <vector>

#include "telemetry/exposition.h"

namespace limpet::telemetry {

/// What the system says of this process, under the names that Prometheus's client libraries use (CPU seconds,
/// memory, file descriptors, start time), and `limpet_build_info`. What /proc does not tell is left out.
/// Control thread.
[[nodiscard]] std::vector<MetricFamily> process_metrics();

}  // namespace limpet::telemetry
