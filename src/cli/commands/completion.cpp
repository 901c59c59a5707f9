#include "cli/commands/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/command_table.h"
#include "config/catalogue.h"

namespace limpet::cli {
namespace {

/// The static configuration's keys that hold no name of the user's, as flags.
std::vector<std::string> static_flags() {
  std::vector<std::string> flags{"--configFile"};
  for (const config::KeyInfo& key : config::static_keys()) {
    if (key.use == config::KeyInfo::Use::kUsed && key.path.find_first_of("<[") == std::string::npos) {
      flags.push_back(fmt::format("--{}", key.path));
    }
  }
  return flags;
}

/// Everything that may follow a command: its options and words.
std::vector<std::string> words_of(const CommandInfo& command) {
  std::vector<std::string> words;
  for (const OptionInfo& option : command.options) words.push_back(fmt::format("--{}", option.name));
  words.emplace_back("--help");
  for (const std::string_view word : command.words.choices) words.emplace_back(word);
  if (command.name == "help") {
    for (const std::string_view name : command_names()) words.emplace_back(name);
  }
  return words;
}

/// A text in single quotes for bash and zsh, where a quote ends the quotes.
std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash_case(const CommandInfo& command) {
  std::string out = fmt::format("    {})\n", command.name);
  std::string values;
  for (const OptionInfo& option : command.options) {
    if (option.choices.empty()) continue;
    values += fmt::format("        --{}) words={} ;;\n", option.name,
                          quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  }
  out += fmt::format("      words={}{}\n", quoted(fmt::format("{}", fmt::join(words_of(command), " "))),
                     command.takes_flags ? "\" $flags\"" : "");
  if (command.words.files) out += "      [[ $cur != -* ]] && { compopt -o default; return; }\n";
  if (!values.empty()) out += fmt::format("      case $prev in\n{}      esac\n", values);
  return out + "      ;;\n";
}

std::string bash_script() {
  std::string out = fmt::format(R"(# bash completion of limpet
_limpet() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command= words= word
  local flags={}
  if [[ $cur == = ]]; then cur=
  elif [[ $prev == = ]]; then prev=${{COMP_WORDS[COMP_CWORD-2]}}; fi
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    if [[ $word != -* ]]; then command=$word; break; fi
  done
  COMPREPLY=()
  case $command in
)",
                                quoted(fmt::format("{}", fmt::join(static_flags(), " "))));
  for (const CommandInfo& command : commands()) out += bash_case(command);
  out += fmt::format(
      "    *)\n      words={}\" $flags\"\n      ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- "
      "\"$cur\"))\n}}\n"
      "complete -F _limpet limpet\n",
      quoted(fmt::format("{} --help --version", fmt::join(command_names(), " "))));
  return out;
}

/// A text inside the brackets of _arguments, where ] and : have a meaning.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_case(const CommandInfo& command) {
  std::string out = fmt::format("    {})\n      _arguments", command.name);
  const auto add = [&out](const std::string& spec) { out += fmt::format(" \\\n        {}", quoted(spec)); };
  for (const OptionInfo& option : command.options) {
    std::string spec = fmt::format("--{}[{}]", option.name, zsh_text(option.doc));
    if (!option.value.empty()) {
      spec.insert(spec.find('['), "=");
      spec += fmt::format(":{}:", option.value);
      if (!option.choices.empty()) spec += fmt::format("({})", fmt::join(option.choices, " "));
    }
    add(spec);
  }
  add("--help[print help]");
  if (command.takes_flags) add("*:flag:($flags)");
  if (command.words.files) add("*:file:_files");
  if (!command.words.choices.empty()) add(fmt::format("1:word:({})", fmt::join(command.words.choices, " ")));
  if (command.name == "help") add(fmt::format("1:command:({})", fmt::join(command_names(), " ")));
  return out + "\n      ;;\n";
}

std::string zsh_script() {
  std::string out = fmt::format(R"(#compdef limpet
_limpet() {{
  local -a names flags
  flags=({})
  names=(
)",
                                fmt::join(static_flags(), " "));
  for (const CommandInfo& command : commands()) {
    out += fmt::format("    {}\n", quoted(fmt::format("{}:{}", command.name, zsh_text(command.summary))));
  }
  out += R"(  )
  if (( CURRENT == 2 )); then
    _describe command names
    compadd -- --help --version $flags
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
)";
  for (const CommandInfo& command : commands()) out += zsh_case(command);
  out += R"(    *) compadd -- $flags ;;
  esac
}
if [[ $funcstack[1] == _limpet ]]; then _limpet "$@"; else compdef _limpet limpet; fi
)";
  return out;
}

/// A text in single quotes for fish, where a backslash escapes.
std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_option(const CommandInfo& command, const OptionInfo& option) {
  std::string line =
      fmt::format("complete -c limpet -n '__fish_seen_subcommand_from {}' -l {}", command.name, option.name);
  if (!option.value.empty()) line += " -x";
  if (!option.choices.empty()) line += fmt::format(" -a '{}'", fmt::join(option.choices, " "));
  return line + fmt::format(" -d {}\n", fish_quoted(option.doc));
}

std::string fish_script() {
  std::string out = "# fish completion of limpet\ncomplete -c limpet -f\n";
  for (const CommandInfo& command : commands()) {
    out += fmt::format("complete -c limpet -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       fish_quoted(command.summary));
    for (const OptionInfo& option : command.options) out += fish_option(command, option);
    std::vector<std::string_view> words = command.words.choices;
    if (command.name == "help") words = command_names();
    if (!words.empty()) {
      out += fmt::format("complete -c limpet -n '__fish_seen_subcommand_from {}' -a '{}'\n", command.name,
                         fmt::join(words, " "));
    }
    if (command.words.files) {
      out += fmt::format("complete -c limpet -n '__fish_seen_subcommand_from {}' -F\n", command.name);
    }
  }
  out += "complete -c limpet -l help -d 'print help'\n";
  out += "complete -c limpet -n __fish_use_subcommand -l version -d 'print the version'\n";
  out += fmt::format(
      "complete -c limpet -n '__fish_seen_subcommand_from run healthcheck; or __fish_use_subcommand' -a "
      "'{}'\n",
      fmt::join(static_flags(), " "));
  return out;
}

}  // namespace

int completion(const Call& call) {
  const std::string& shell = call.arguments.words.front();
  call.console.out << (shell == "bash" ? bash_script() : shell == "zsh" ? zsh_script() : fish_script());
  return kExitFine;
}

}  // namespace limpet::cli
