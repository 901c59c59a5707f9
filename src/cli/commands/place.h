#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// limpet place: the server of a key, with seats reserved on it.
[[nodiscard]] int place(const Call& call);

}  // namespace limpet::cli
