#pragma once

#include <string>

#include "cli/command_table.h"

namespace limpet::cli {

/// What `limpet --help` prints.
[[nodiscard]] std::string general_help();

/// What `limpet COMMAND --help` prints; for `run` without the list of keys.
[[nodiscard]] std::string command_help(const CommandInfo& command);

/// The keys of the static configuration as flags, each with its type, default and meaning.
[[nodiscard]] std::string flags_help();

}  // namespace limpet::cli
