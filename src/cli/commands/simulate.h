#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet simulate`: plays a day of users against Limpet's scaling policy and Kubernetes' recipe, and
/// compares them.
[[nodiscard]] int simulate(const Call& call);

}  // namespace limpet::cli
