#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_table.h"

namespace limpet::cli {

/// What was given to a command. A plain value.
class Arguments {
 public:
  /// Whether a switch is on.
  [[nodiscard]] bool has(std::string_view option) const;
  /// The value of an option, if it was given.
  [[nodiscard]] std::optional<std::string> value(std::string_view option) const;
  [[nodiscard]] bool wants_help() const { return has("help"); }

  std::map<std::string, bool, std::less<>> switches;
  std::map<std::string, std::string, std::less<>> values;
  std::vector<std::string> words;  ///< in the order given; "-" is a word, and all after "--" are
  std::vector<std::string> flags;  ///< of the static configuration, if the command takes them, values too
};

/// Reads what follows a command's name. Fails with a sentence that says what is allowed; a request for help
/// comes first, whatever else is wrong.
[[nodiscard]] std::expected<Arguments, std::string> parse_arguments(const CommandInfo& command,
                                                                    std::span<const std::string> args);

}  // namespace limpet::cli
