#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet drain`: a server of a running Limpet takes no new users from now on.
[[nodiscard]] int drain(const Call& call);
/// `limpet undrain`: it does again.
[[nodiscard]] int undrain(const Call& call);

}  // namespace limpet::cli
