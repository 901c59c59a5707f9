#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet hash`: prints sticky cookie values of server URLs.
[[nodiscard]] int hash(const Call& call);

}  // namespace limpet::cli
