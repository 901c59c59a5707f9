#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "config/catalogue.h"

namespace limpet::cli {
namespace {

constexpr std::size_t kWidth = 100;

/// Appends `text` broken between words, each line but the first led by `indent` blanks; `column` is where the
/// first line goes on.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent, std::size_t column) {
  bool first = true;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (!first && column + 1 + word.size() > kWidth) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (!first) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    first = false;
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  out += '\n';
}

/// Appends one line of a list: a term, and what it means at a column of its own.
void append_item(std::string& out, std::string_view term, std::string_view doc, std::size_t indent) {
  const std::string head = fmt::format("  {}", term);
  out += head;
  std::size_t column = head.size();
  if (column + 2 > indent && !doc.empty()) {
    out += '\n';
    column = 0;
  }
  if (!doc.empty()) out.append(indent - column, ' ');
  append_wrapped(out, doc, indent, indent);
}

std::string term_of(const OptionInfo& option) {
  return option.value.empty() ? fmt::format("--{}", option.name)
                              : fmt::format("--{} {}", option.name, option.value);
}

void append_examples(std::string& out, const std::vector<Example>& examples) {
  out += "\nExamples:\n";
  for (const Example& example : examples) {
    out += fmt::format("  {}\n", example.line);
    if (!example.doc.empty()) out += fmt::format("      {}\n", example.doc);
  }
}

std::string type_of(const config::KeyInfo& key) {
  if (key.fallback.empty()) return fmt::format("({})", key.type);
  return fmt::format("({}; default {})", key.type, key.fallback);
}

}  // namespace

std::string general_help() {
  std::string out =
      "Limpet, a sticky load balancer for stateful WebSocket servers.\n"
      "\n"
      "Usage:\n"
      "  limpet COMMAND [ARGUMENTS]...\n"
      "  limpet [--configFile=FILE] [--KEY=VALUE]...\n"
      "      as Traefik is started: the same as limpet run, but unknown keys cost only a warning\n"
      "\n"
      "Commands:\n";
  for (const CommandInfo& command : commands()) append_item(out, command.name, command.summary, 16);
  out += "\nOptions:\n";
  append_item(out, "--help, -h", "print help; after a command, on that command", 16);
  append_item(out, "--version", "print the version", 16);
  append_examples(
      out, {{.line = "limpet --api.insecure=true --providers.file.filename=dynamic.yml", .doc = "start"},
            {.line = "limpet check limpet.yml dynamic.yml", .doc = "check before that"},
            {.line = "limpet servers --watch", .doc = "watch the servers"}});
  out += "\nExit status:\n";
  append_item(out, "0", "done", 5);
  append_item(out, "1", "failed", 5);
  append_item(out, "2", "wrong usage, or a configuration that cannot be used", 5);
  return out;
}

std::string command_help(const CommandInfo& command) {
  std::string out =
      fmt::format("{}.\n\nUsage:\n  limpet {} {}\n", command.summary, command.name, command.usage);
  if (!command.details.empty()) {
    out += '\n';
    append_wrapped(out, command.details, 0, 0);
  }
  out += "\nOptions:\n";
  constexpr std::size_t kIndent = 23;
  for (const OptionInfo& option : command.options) append_item(out, term_of(option), option.doc, kIndent);
  if (command.takes_flags) append_item(out, "--KEY=VALUE", "a key of the static configuration", kIndent);
  append_item(out, "--help, -h", "print this help", kIndent);
  append_examples(out, command.examples);
  out += "\nExit status:\n";
  for (const ExitInfo& exit : command.exits) append_item(out, fmt::format("{}", exit.status), exit.doc, 5);
  return out;
}

std::string flags_help() {
  std::string out = "Keys of the static configuration, in any case:\n";
  const std::string config_file = "the configuration file (text)";
  append_item(out, "--configFile", config_file, 6);
  for (const config::KeyInfo& key : config::static_keys()) {
    if (key.use != config::KeyInfo::Use::kUsed || key.is_group) continue;
    append_item(out, fmt::format("--{}", key.path), fmt::format("{} {}", key.doc, type_of(key)), 6);
  }
  return out;
}

}  // namespace limpet::cli
