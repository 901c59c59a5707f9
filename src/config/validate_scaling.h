#pragma once

#include <string>
#include <vector>

#include "config/model/dynamic.h"

namespace limpet::config {

/// What is wrong with `loadBalancer.scaling`. A part of validate.h of its own.
struct ScalingProblem {
  std::string key;  ///< below loadBalancer: "scaling.max"
  std::string message;
};
[[nodiscard]] std::vector<ScalingProblem> scaling_problems(const LoadBalancer& settings);

}  // namespace limpet::config
