#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "cli/command_table.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

/// What a shell command prints, and its exit status.
std::pair<std::string, int> shell(const std::string& command) {
  std::string out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {"", -1};
  std::array<char, 4096> block{};
  for (std::size_t got = 1; got > 0;) {
    got = std::fread(block.data(), 1, block.size(), pipe);
    out.append(block.data(), got);
  }
  return {out, ::pclose(pipe)};
}

std::string script_file(const std::string& name, const std::string& shell_name) {
  const std::string path =
      testing::TempDir() + "limpet-completion-" + std::to_string(::getpid()) + "." + name;
  std::ofstream(path) << run({"completion", shell_name}).out;
  return path;
}

TEST(Completion, ScriptsHoldEveryCommandAndOption) {
  for (const std::string name : {"bash", "zsh", "fish"}) {
    const Outcome outcome = run({"completion", name});
    EXPECT_EQ(outcome.status, kExitFine);
    for (const CommandInfo& command : commands()) {
      EXPECT_NE(outcome.out.find(command.name), std::string::npos) << name << " " << command.name;
      for (const OptionInfo& option : command.options) {
        const std::string flag = (name == "fish" ? "-l " : "--") + std::string(option.name);
        EXPECT_NE(outcome.out.find(flag), std::string::npos) << name << " " << flag;
        for (const std::string_view choice : option.choices) {
          EXPECT_NE(outcome.out.find(choice), std::string::npos) << name << " " << choice;
        }
      }
    }
    EXPECT_NE(outcome.out.find("--providers.file.filename"), std::string::npos) << name;
    EXPECT_EQ(outcome.out.find("<name>"), std::string::npos) << name;
  }
}

TEST(Completion, ScriptsAreGoodSyntax) {
  for (const std::string name : {"bash", "zsh", "fish"}) {
    if (shell("command -v " + name).first.empty()) continue;
    const std::string path = script_file("syntax", name);
    const auto [out, status] = shell(name + " -n " + path + " 2>&1");
    EXPECT_EQ(status, 0) << out;
    EXPECT_EQ(out, "");
    std::remove(path.c_str());
  }
}

/// What bash offers for a command line whose last word is being typed, given as bash splits it.
std::vector<std::string> offered(const std::vector<std::string>& words) {
  const std::string path = script_file("offer", "bash");
  std::string command = "bash --norc -c 'source " + path + "; COMP_WORDS=(limpet";
  for (const std::string& word : words) command += " \"" + word + "\"";
  command +=
      "); COMP_CWORD=" + std::to_string(words.size()) + "; _limpet; printf \"%s\\n\" \"${COMPREPLY[@]}\"'";
  const auto [out, status] = shell(command);
  EXPECT_EQ(status, 0);
  std::remove(path.c_str());
  std::vector<std::string> lines;
  std::istringstream in(out);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

bool holds(const std::vector<std::string>& list, const std::string& item) {
  return std::ranges::find(list, item) != list.end();
}

TEST(Completion, BashOffersWhatFits) {
  const std::vector<std::string> first = offered({""});
  for (const CommandInfo& command : commands())
    EXPECT_TRUE(holds(first, std::string(command.name))) << command.name;
  EXPECT_TRUE(holds(first, "--version"));
  EXPECT_EQ(offered({"serv"}), std::vector<std::string>{"servers"});
  EXPECT_EQ(offered({"servers", "--w"}), std::vector<std::string>{"--watch"});
  EXPECT_EQ(offered({"hash", "--format", "sh"}), std::vector<std::string>{"sha256"});
  EXPECT_EQ(offered({"hash", "--format", "=", "sh"}), std::vector<std::string>{"sha256"});
  EXPECT_TRUE(holds(offered({"hash", "--format", "="}), "fnv1a"));
  EXPECT_EQ(offered({"completion", "z"}), std::vector<std::string>{"zsh"});
  EXPECT_EQ(offered({"help", "undr"}), std::vector<std::string>{"undrain"});
  EXPECT_EQ(offered({"run", "--providers.file.fi"}), std::vector<std::string>{"--providers.file.filename"});
  EXPECT_EQ(offered({"--providers.file.fi"}), std::vector<std::string>{"--providers.file.filename"});
}

}  // namespace
}  // namespace limpet::cli
