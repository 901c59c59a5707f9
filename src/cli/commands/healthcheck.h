#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet healthcheck`: asks /ping of a running Limpet.
[[nodiscard]] int healthcheck(const Call& call);

}  // namespace limpet::cli
