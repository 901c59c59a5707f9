#pragma once

#include <vector>

#include "admin/state.h"
#include "routing/internal.h"
#include "telemetry/exposition.h"

namespace limpet::admin {

/// The series that come from the control plane: reloads, providers, and every server's state and traffic.
/// Control thread.
[[nodiscard]] std::vector<telemetry::MetricFamily> control_metrics(const ControlState& state);

/// All metrics in Prometheus's text format: requests (if metrics are switched on), the process, the control
/// plane.
[[nodiscard]] routing::InternalAnswer metrics_page(const ControlState& state);

}  // namespace limpet::admin
