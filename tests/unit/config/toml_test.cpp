#include "config/readers/toml.h"

#include <gtest/gtest.h>

#include <string>

namespace limpet::config {
namespace {

TEST(Toml, KeepsOrderAndPlaces) {
  const auto node = read_toml(
      "title = \"x\"\n[http.routers.web]\nrule = \"Host(`a`)\"\npriority = 5\nentryPoints = [\"web\"]\n"
      "[[http.services.s.loadBalancer.servers]]\nurl = 'http://a:1'\n",
      "f.toml");
  ASSERT_TRUE(node) << node.error().text();
  EXPECT_EQ(node->entries[0].key, "title");
  EXPECT_EQ(node->find_path("http.routers.web.rule")->place.text(), "f.toml:3:9");
  EXPECT_EQ(node->find_path("http.routers.web.priority")->place.text(), "f.toml:4:12");
  EXPECT_EQ(node->find_path("http.routers.web.priority")->scalar, "5");
  EXPECT_EQ(node->find_path("http.services.s.loadBalancer.servers[0].url")->scalar, "http://a:1");
  const Node* web = node->find_path("http.routers.web");
  ASSERT_NE(web, nullptr);
  ASSERT_EQ(web->entries.size(), 3U);
  EXPECT_EQ(web->entries[2].key, "entryPoints");
  EXPECT_EQ(web->entries[2].key_place.text(), "f.toml:5:1");
}

TEST(Toml, MultiLineTextsStartBehindTheirQuotes) {
  const auto node = read_toml("a = \"\"\"\nline\"\"\"\nb = \"\"\"same\"\"\"\n", "f.toml");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->find("a")->place.text(), "f.toml:2:1");
  EXPECT_EQ(node->find("b")->place.text(), "f.toml:3:8");
}

TEST(Toml, ValuesAreTexts) {
  const auto node = read_toml("a = true\nb = 1.5\nc = 2024-01-02\nd = 1_000\n", "f.toml");
  ASSERT_TRUE(node);
  EXPECT_TRUE(node->find("a")->says(true));
  EXPECT_EQ(node->find("b")->scalar, "1.5");
  EXPECT_EQ(node->find("c")->scalar, "2024-01-02");
  EXPECT_EQ(node->find("d")->scalar, "1000");
}

TEST(Toml, SurvivesWhatItsLibraryAsserts) {
  const std::string_view nul("a = 1\n[\0b]\n", 11);
  for (const std::string_view text :
       {std::string_view("a = 1\n[\n"), nul, std::string_view("a = 1\n[ =]\n\nb = 2\n")}) {
    const auto node = read_toml(text, "f.toml");
    ASSERT_FALSE(node);
    EXPECT_EQ(node.error().text(), "f.toml:2: error: not valid TOML: expected a key\n");
  }
}

TEST(Toml, LettersBeyondAsciiBelongIntoTexts) {
  EXPECT_FALSE(read_toml("a = \u00e9\n", "f.toml"));
  EXPECT_FALSE(read_toml("[ w\ufcff\n", "f.toml"));
  const auto node = read_toml("\"caf\u00e9\" = \"\u00e9\" # \u00e9\n", "f.toml");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->find("caf\u00e9")->scalar, "\u00e9");
}

TEST(Toml, RefusesKeysOfManyParts) {
  std::string parts = "a";
  for (int i = 0; i < 12'000; ++i) parts += ".a";
  for (const std::string& text : {"[" + parts + "]\n", parts + " = 1\n"}) {
    const auto node = read_toml(text, "f.toml");
    ASSERT_FALSE(node);
    EXPECT_EQ(node.error().items().front().message, "nested deeper than 64 levels");
  }
}

TEST(Toml, ReportsBadSyntaxAndKeysGivenTwice) {
  const auto bad = read_toml("a = \n", "f.toml");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().items().front().place.text(), "f.toml:1:5");
  EXPECT_TRUE(bad.error().items().front().message.starts_with("not valid TOML: "));
  const auto twice = read_toml("[a]\nx = 1\nx = 2\n", "f.toml");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().items().front().place.line, 3U);
}

}  // namespace
}  // namespace limpet::config
