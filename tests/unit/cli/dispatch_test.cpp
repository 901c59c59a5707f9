#include "cli/dispatch.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "cli/command_table.h"
#include "cli/help.h"
#include "config/catalogue.h"
#include "unit/cli/outcome.h"

namespace limpet::cli {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Help, EveryCommandHasItsOwn) {
  for (const CommandInfo& command : commands()) {
    SCOPED_TRACE(command.name);
    const std::string name(command.name);
    const Outcome asked = run({name, "--help"});
    EXPECT_EQ(asked.status, kExitFine);
    EXPECT_EQ(asked.err, "");
    EXPECT_TRUE(asked.out.starts_with(command_help(command)));
    EXPECT_EQ(run({name, "-h"}).out, asked.out);
    EXPECT_EQ(run({"help", name}).out, asked.out);
    EXPECT_EQ(run({name, "--nonsense", "--help"}).out, asked.out);
    EXPECT_FALSE(command.examples.empty());
    EXPECT_FALSE(command.exits.empty());
    for (const OptionInfo& option : command.options) EXPECT_TRUE(has(asked.out, option.name));
    for (const Example& example : command.examples) EXPECT_TRUE(has(asked.out, example.line));
  }
}

TEST(Help, GeneralHelpNamesEveryCommand) {
  const Outcome outcome = run({"--help"});
  EXPECT_EQ(outcome.status, kExitFine);
  EXPECT_EQ(outcome.out, general_help());
  EXPECT_EQ(run({"help"}).out, general_help());
  EXPECT_EQ(run({"--api.insecure=true", "-h"}).out, general_help());
  for (const CommandInfo& command : commands()) {
    EXPECT_TRUE(has(outcome.out, "\n  " + std::string(command.name) + " ")) << command.name;
  }
}

TEST(Help, RunListsTheStaticKeys) {
  const std::string out = run({"run", "--help"}).out;
  for (const config::KeyInfo& key : config::static_keys()) {
    if (key.is_group || key.use != config::KeyInfo::Use::kUsed) continue;
    EXPECT_TRUE(has(out, "\n  --" + key.path + "\n")) << key.path;
  }
}

TEST(Help, LinesAreShortAndClean) {
  std::vector<std::string> texts{general_help(), flags_help()};
  for (const CommandInfo& command : commands()) texts.push_back(command_help(command));
  for (const std::string& text : texts) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), 110U) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
    }
  }
}

TEST(Help, GoldenHelpOfVersion) {
  EXPECT_EQ(run({"version", "--help"}).out,
            "Print the version.\n"
            "\n"
            "Usage:\n"
            "  limpet version [--json]\n"
            "\n"
            "Options:\n"
            "  --json               print one JSON object\n"
            "  --help, -h           print this help\n"
            "\n"
            "Examples:\n"
            "  limpet version\n"
            "      or limpet --version\n"
            "\n"
            "Exit status:\n"
            "  0  printed\n"
            "  2  wrong usage\n");
}

TEST(Dispatch, UnknownCommandsAreSuggested) {
  const Outcome outcome = run({"serves"});
  EXPECT_EQ(outcome.status, kExitUsage);
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(has(outcome.err, "unknown command \"serves\"; did you mean servers?"));
  EXPECT_TRUE(has(run({"help", "chek"}).err, "did you mean check?"));
  EXPECT_TRUE(has(run({"limpet.yml"}).err, "limpet run --configFile=limpet.yml"));
  EXPECT_FALSE(has(run({"xyzzy"}).err, "did you mean"));
}

TEST(Dispatch, WrongUsageIsExplained) {
  const Outcome option = run({"servers", "--adress", "x"});
  EXPECT_EQ(option.status, kExitUsage);
  EXPECT_TRUE(has(option.err, "unknown option --adress; did you mean --address?"));
  EXPECT_TRUE(has(option.err, "Usage: limpet servers "));
  EXPECT_TRUE(has(run({"servers", "--address"}).err, "--address needs a value"));
  EXPECT_TRUE(has(run({"servers", "x"}).err, "\"x\" is more than is expected"));
  EXPECT_TRUE(has(run({"completion", "tcsh"}).err, "expected bash, zsh, fish, not \"tcsh\""));
  EXPECT_TRUE(has(run({"drain"}).err, "an argument is missing"));
}

TEST(Dispatch, Version) {
  const Outcome plain = run({"version"});
  EXPECT_EQ(plain.status, kExitFine);
  EXPECT_TRUE(plain.out.starts_with("limpet " LIMPET_VERSION " ("));
  EXPECT_EQ(run({"--version"}).out, plain.out);
  EXPECT_TRUE(run({"version", "--json"}).out.starts_with(R"({"version":")" LIMPET_VERSION "\","));
}

TEST(Run, ABadConfigurationEndsWithEveryProblem) {
  const std::string path = testing::TempDir() + "limpet-run.yml";
  std::ofstream(path) << "entryPoints:\n  web:\n    addres: \":1\"\nlog:\n  level: LOUD\n";
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"run", "--configFile=" + path}, {"run", "--configFile", path}}) {
    const Outcome outcome = run(args);
    EXPECT_EQ(outcome.status, kExitUsage);
    EXPECT_TRUE(has(outcome.err, path + ":3:5: error: ")) << outcome.err;
    EXPECT_TRUE(has(outcome.err, "did you mean address?")) << outcome.err;
    EXPECT_TRUE(has(outcome.err, path + ":5:10: error: log.level: ")) << outcome.err;
  }
  const Outcome lenient = run({"--configFile=" + path});
  EXPECT_EQ(lenient.status, kExitUsage);
  EXPECT_TRUE(has(lenient.err, path + ":3:5: warning: ")) << lenient.err;
  EXPECT_TRUE(has(lenient.err, path + ":5:10: error: log.level: ")) << lenient.err;
}

TEST(Run, BadFlagsAndVariablesAreNamed) {
  const std::string path = testing::TempDir() + "limpet-empty.yml";
  std::ofstream(path) << "{}\n";
  const Outcome flag = run({"run", "--configFile=" + path, "--log.levle=DEBUG"});
  EXPECT_EQ(flag.status, kExitUsage);
  EXPECT_TRUE(has(flag.err, "--log.levle")) << flag.err;
  EXPECT_TRUE(has(flag.err, "did you mean level?")) << flag.err;
  const Outcome variable = run({"run", "--configFile=" + path}, "", {"LIMPET_LOG_LEVEL=LOUD"});
  EXPECT_EQ(variable.status, kExitUsage);
  EXPECT_TRUE(has(variable.err, "LIMPET_LOG_LEVEL")) << variable.err;
}

}  // namespace
}  // namespace limpet::cli
