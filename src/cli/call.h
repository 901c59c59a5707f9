#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/arguments.h"
#include "cli/command_table.h"
#include "cli/console.h"

namespace limpet::cli {

/// One invocation of a command: all it knows of the world. Valid while the command runs.
struct Call {
  const CommandInfo& command;
  const Arguments& arguments;
  std::span<const std::string> environment;  ///< "NAME=value" each
  Console& console;

  /// The value of an environment variable, or an empty text.
  [[nodiscard]] std::string variable(std::string_view name) const;
  /// An option's value, else a variable's, else `fallback`; an empty value counts as none.
  [[nodiscard]] std::string option_or(std::string_view option, std::string_view variable_name,
                                      std::string_view fallback) const;
  /// Prints "limpet COMMAND: message" on standard error and returns `status`.
  [[nodiscard]] int fail(int status, std::string_view message) const;
};

}  // namespace limpet::cli
