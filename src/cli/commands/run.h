#pragma once

#include "cli/call.h"

namespace limpet::cli {

/// `limpet run`: loads the static configuration and serves until a stop signal.
[[nodiscard]] int run_strict(const Call& call);
/// The same without a command, as Traefik is started: unknown keys cost a warning.
[[nodiscard]] int run_as_traefik(const Call& call);

}  // namespace limpet::cli
