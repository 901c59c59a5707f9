#pragma once

#include <span>
#include <string>

#include "cli/console.h"

namespace limpet::cli {

/// Runs the command that `args` (without the program's name) ask for, and returns the process's exit status.
/// Arguments that start with a flag, or none at all, start Limpet as Traefik is started. Main thread.
[[nodiscard]] int dispatch(std::span<const std::string> args, std::span<const std::string> environment,
                           Console& console);

}  // namespace limpet::cli
