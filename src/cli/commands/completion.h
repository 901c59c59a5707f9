#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet completion`: prints a script with which a shell completes commands, options and their values.
[[nodiscard]] int completion(const Call& call);

}  // namespace limpet::cli
