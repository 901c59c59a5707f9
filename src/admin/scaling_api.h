#pragma once

#include <vector>

#include "admin/api_router.h"
#include "admin/state.h"
#include "routing/internal.h"
#include "telemetry/exposition.h"

/// What the scaler does, in the API and the metrics. Control thread.
namespace limpet::admin {

/// GET /api/scaling: every service that is scaled.
[[nodiscard]] routing::InternalAnswer get_scaling(const ApiCall& call);
/// GET /api/scaling/{service}: "app@file", or "app" if one provider has it.
[[nodiscard]] routing::InternalAnswer get_service_scaling(const ApiCall& call);
/// POST /api/scaling/{service}?min=N&max=N&paused=true&command=TEXT&image=NAME: changes what is given until
/// Limpet ends; the value "default" takes a change back. Answers with the service as it is then.
[[nodiscard]] routing::InternalAnswer change_scaling(const ApiCall& call);

/// limpet_scaling_*.
[[nodiscard]] std::vector<telemetry::MetricFamily> scaling_metrics(const ControlState& state);

}  // namespace limpet::admin
