#include "cli/arguments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace limpet::cli {
namespace {

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& candidates,
                         std::string_view prefix) {
  const auto near = base::nearest(word, candidates);
  return near ? fmt::format("; did you mean {}{}?", prefix, *near) : std::string();
}

std::string unknown_option(const CommandInfo& command, std::string_view given) {
  const std::string_view shown = given.substr(0, given.find('='));
  const std::string_view name = shown.substr(std::min(shown.find_first_not_of('-'), shown.size()));
  std::vector<std::string_view> names{"help"};
  for (const OptionInfo& option : command.options) names.push_back(option.name);
  return fmt::format("unknown option {}{}", shown, did_you_mean(name, names, "--"));
}

std::string check_choice(std::string_view what, std::string_view given,
                         const std::vector<std::string_view>& choices) {
  if (choices.empty() || std::ranges::find(choices, given) != choices.end()) return {};
  return fmt::format("{}: expected {}, not \"{}\"{}", what, fmt::join(choices, ", "), given,
                     did_you_mean(given, choices, ""));
}

/// What is wrong with the arguments of a command, or an empty text.
std::string problem_of(const CommandInfo& command, const Arguments& arguments) {
  for (const OptionInfo& option : command.options) {
    if (const auto value = arguments.value(option.name)) {
      std::string problem = check_choice(fmt::format("--{}", option.name), *value, option.choices);
      if (!problem.empty()) return problem;
    }
  }
  if (arguments.words.size() < command.words.least) return "an argument is missing";
  if (arguments.words.size() > command.words.most) {
    return fmt::format("\"{}\" is more than is expected", arguments.words[command.words.most]);
  }
  for (const std::string& word : arguments.words) {
    std::string problem = check_choice("argument", word, command.words.choices);
    if (!problem.empty()) return problem;
  }
  return {};
}

}  // namespace

bool Arguments::has(std::string_view option) const {
  const auto found = switches.find(option);
  return found != switches.end() && found->second;
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto found = values.find(option);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

std::expected<Arguments, std::string> parse_arguments(const CommandInfo& command,
                                                      std::span<const std::string> args) {
  Arguments arguments;
  const auto end_of_options = std::ranges::find(args, "--");
  if (std::find_if(args.begin(), end_of_options,
                   [](const std::string& arg) { return arg == "--help" || arg == "-h"; }) != end_of_options) {
    arguments.switches["help"] = true;
    return arguments;
  }

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (const OptionInfo& option : command.options) {
    const std::string flag = fmt::format("--{}", option.name);
    if (option.value.empty()) {
      app.add_flag(flag, arguments.switches[std::string(option.name)]);
    } else {
      app.add_option(flag)->take_last();
    }
  }
  if (!command.takes_flags) app.add_option("words", arguments.words)->expected(-1);
  try {
    // CLI11 takes the arguments in reverse.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view text = error.what();
    return std::unexpected(fmt::format("{} needs a value", text.substr(0, text.find(':'))));
  } catch (const CLI::ParseError& error) {
    return std::unexpected(std::string(error.what()));
  }
  for (const OptionInfo& option : command.options) {
    if (option.value.empty()) continue;
    const CLI::Option* given = app.get_option(fmt::format("--{}", option.name));
    if (!given->results().empty()) arguments.values[std::string(option.name)] = given->results().back();
  }
  arguments.flags = app.remaining();
  std::erase(arguments.flags, "--");
  if (!command.takes_flags && !arguments.flags.empty()) {
    return std::unexpected(unknown_option(command, arguments.flags.front()));
  }
  if (std::string problem = problem_of(command, arguments); !problem.empty()) {
    return std::unexpected(std::move(problem));
  }
  return arguments;
}

}  // namespace limpet::cli
