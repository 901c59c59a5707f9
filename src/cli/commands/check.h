#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet check`: lists everything wrong with configuration files.
[[nodiscard]] int check(const Call& call);

}  // namespace limpet::cli
