#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet scale`: shows how services are scaled, or changes it for a while.
[[nodiscard]] int scale(const Call& call);
/// `limpet roll`: moves a service's servers to another command or image.
[[nodiscard]] int roll(const Call& call);

}  // namespace limpet::cli
