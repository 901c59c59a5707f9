#include "config/scaling_texts.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <csignal>
#include <string>
#include <vector>

namespace limpet::config {
namespace {

using Words = std::vector<std::string>;

TEST(SplitCommand, SplitsAsAShellDoes) {
  EXPECT_EQ(split_command("node server.js --port {port}"), (Words{"node", "server.js", "--port", "{port}"}));
  EXPECT_EQ(split_command("  sh -c 'exec \"$0\" x'\t\n"), (Words{"sh", "-c", "exec \"$0\" x"}));
  EXPECT_EQ(split_command(R"(a\ b "c\"d\\\e" '' f"g"'h')"), (Words{"a b", R"(c"d\\e)", "", "fgh"}));
}

TEST(SplitCommand, SaysWhatIsExpectedAndWhere) {
  const auto problem = [](std::string_view text) {
    const auto words = split_command(text);
    return words ? "" : std::to_string(words.error().offset) + " " + words.error().expected;
  };
  EXPECT_EQ(problem("a 'b c"), "2 an end of the quote");
  EXPECT_EQ(problem("a \"b\\"), "2 an end of the quote");
  EXPECT_EQ(problem("a \\"), "2 a character after the backslash");
  EXPECT_EQ(problem(" "), "0 the name of a program");
  EXPECT_EQ(problem("'' a"), "0 the name of a program");
  EXPECT_EQ(problem(std::string_view("a\0b", 3)), "1 no NUL character");
}

RC_GTEST_PROP(SplitCommand, ReadsQuotedWordsBack, (const std::vector<std::string>& more)) {
  Words words{"program"};
  std::string text = "program";
  for (std::string word : more) {
    std::erase(word, '\0');
    std::string quoted;
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    text += " '" + quoted + "'";
    words.push_back(word);
  }
  RC_ASSERT(split_command(text).value() == words);
}

TEST(PortRange, ReadsOnePortAndTwo) {
  EXPECT_EQ(parse_port_range("20000-20999"), (PortRange{20000, 20999}));
  EXPECT_EQ(parse_port_range(" 1 - 65535 "), (PortRange{1, 65535}));
  EXPECT_EQ(parse_port_range("3000"), (PortRange{3000, 3000}));
  EXPECT_EQ(parse_port_range("3000-3009")->size(), 10U);
  for (const char* text : {"", "-", "0-5", "5-4", "1-65536", "a-b", "1-2-3", "-5", "5-"}) {
    EXPECT_EQ(parse_port_range(text), std::nullopt) << text;
  }
}

TEST(Signals, AreKnownByName) {
  EXPECT_EQ(parse_signal("TERM"), SIGTERM);
  EXPECT_EQ(parse_signal("sigint"), SIGINT);
  EXPECT_EQ(parse_signal("STOP"), std::nullopt);
  EXPECT_EQ(parse_signal(""), std::nullopt);
}

TEST(Ports, StandForThePlaceholder) {
  EXPECT_EQ(with_port("http://127.0.0.1:{port}/{port}", 3001), "http://127.0.0.1:3001/3001");
  EXPECT_EQ(with_port("{por{port}", 1), "{por1");
  EXPECT_EQ(with_port("", 1), "");
}

}  // namespace
}  // namespace limpet::config
