#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "cli/command_table.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

std::string page() {
  std::ifstream file(LIMPET_SOURCE_DIR "/docs/command-line.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What `limpet COMMAND --help` prints, without run's list of keys, which docs/configuration.md has.
std::string help_of(const CommandInfo& command) {
  const std::string out = run({std::string(command.name), "--help"}).out;
  const std::size_t keys = out.find("\n\nKeys of the static configuration");
  return keys == std::string::npos ? out : out.substr(0, keys + 1);
}

TEST(CommandLinePage, HoldsTheHelpOfEveryCommand) {
  const std::string text = page();
  for (const CommandInfo& command : commands()) {
    const std::string section =
        fmt::format("\n## limpet {}\n\n```text\n{}```\n", command.name, help_of(command));
    EXPECT_NE(text.find(section), std::string::npos) << "docs/command-line.md lacks" << section;
    const std::string row =
        fmt::format("\n| [`limpet {0}`](#limpet-{0}) | {1} |\n", command.name, command.summary);
    EXPECT_NE(text.find(row), std::string::npos) << "docs/command-line.md lacks" << row;
    for (const OptionInfo& option : command.options) {
      EXPECT_NE(text.find(fmt::format("--{}", option.name)), std::string::npos) << option.name;
    }
  }
}

TEST(CommandLinePage, NamesTheEnvironment) {
  const std::string text = page();
  for (const char* name : {"LIMPET_ADDRESS", "LIMPET_TOKEN"})
    EXPECT_NE(text.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace limpet::cli
