#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet version`: prints the version and what it was built for.
[[nodiscard]] int version(const Call& call);

}  // namespace limpet::cli
