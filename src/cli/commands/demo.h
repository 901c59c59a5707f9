#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet demo`: a Limpet that scales a chat, or any other server, on this machine; with simulated users if
/// asked.
[[nodiscard]] int demo(const Call& call);

}  // namespace limpet::cli
