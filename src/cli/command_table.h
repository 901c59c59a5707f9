#pragma once

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

/// The commands as values: parsing, help, shell completion and the test of the documentation all read this
/// table, so that they cannot disagree.
namespace limpet::cli {

/// An option of a command, besides --help, which each has.
struct OptionInfo {
  std::string_view name;   ///< without dashes
  std::string_view value;  ///< stands for the value in help, for example "URL"; empty: a switch
  std::string_view doc;    ///< without a full stop
  std::vector<std::string_view> choices = {};  ///< all values that are allowed; empty: any
};

/// A command line worth copying.
struct Example {
  std::string_view line;
  std::string_view doc;
};

/// What an exit status of a command means.
struct ExitInfo {
  int status = 0;
  std::string_view doc;
};

/// What the words after a command are, apart from options.
struct WordsInfo {
  std::size_t least = 0;
  std::size_t most = 0;
  std::vector<std::string_view> choices = {};  ///< all words that are allowed; empty: any
  bool files = false;                          ///< they name files

  static constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();
};

/// One command.
struct CommandInfo {
  std::string_view name;
  std::string_view usage;    ///< what follows the name
  std::string_view summary;  ///< one line without a full stop
  std::string_view details;  ///< a paragraph; may be empty
  WordsInfo words;
  bool takes_flags = false;  ///< of the static configuration, in Traefik's form
  std::vector<OptionInfo> options;
  std::vector<Example> examples;
  std::vector<ExitInfo> exits;
};

/// Every command, in the order of the help.
[[nodiscard]] const std::vector<CommandInfo>& commands();
/// The command of that name, or null.
[[nodiscard]] const CommandInfo* find_command(std::string_view name) noexcept;
/// The names of all commands, for suggestions.
[[nodiscard]] std::vector<std::string_view> command_names();

}  // namespace limpet::cli
