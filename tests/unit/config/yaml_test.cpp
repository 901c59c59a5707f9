#include "config/readers/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace limpet::config {
namespace {

std::string errors_of(std::string_view text) {
  const auto node = read_yaml(text, "f.yml");
  return node ? "no error" : node.error().text();
}

std::string place_of(const Node& node, std::string_view path) {
  const Node* found = node.find_path(path);
  return found == nullptr ? "none" : found->place.text();
}

TEST(Yaml, KeepsOrderAndPlaces) {
  const auto node = read_yaml("b: 1\na:\n  - x\n  - {k: v}\n", "f.yml");
  ASSERT_TRUE(node);
  ASSERT_EQ(node->entries.size(), 2U);
  EXPECT_EQ(node->entries[0].key, "b");
  EXPECT_EQ(node->entries[1].key_place.text(), "f.yml:2:1");
  EXPECT_EQ(place_of(*node, "a[1].k"), "f.yml:4:9");
  EXPECT_EQ(node->find_path("a[0]")->scalar, "x");
}

TEST(Yaml, PlacesOfTextsAreThoseOfTheirFirstCharacter) {
  const auto node = read_yaml("a: \"quoted\"\nb: 'q'\nc: |\n\n  block\nd: >-\n  folded\n  text\n", "f.yml");
  ASSERT_TRUE(node) << node.error().text();
  EXPECT_EQ(place_of(*node, "a"), "f.yml:1:5");
  EXPECT_EQ(place_of(*node, "b"), "f.yml:2:5");
  EXPECT_EQ(place_of(*node, "c"), "f.yml:5:3");
  EXPECT_EQ(place_of(*node, "d"), "f.yml:7:3");
  EXPECT_EQ(node->find("c")->scalar, "\nblock\n");
  EXPECT_EQ(node->find("d")->scalar, "folded text");
}

TEST(Yaml, EmptyDocumentIsAnEmptyMap) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "~"}) {
    const auto node = read_yaml(text, "f.yml");
    ASSERT_TRUE(node) << text;
    EXPECT_TRUE(node->is_map()) << text;
    EXPECT_TRUE(node->entries.empty()) << text;
  }
}

TEST(Yaml, TellsNullFromText) {
  const auto node = read_yaml("a:\nb: ~\nc: null\nd: \"null\"\ne: {}\n", "f.yml");
  ASSERT_TRUE(node);
  EXPECT_TRUE(node->find("a")->is_null());
  EXPECT_TRUE(node->find("b")->is_null());
  EXPECT_TRUE(node->find("c")->is_null());
  EXPECT_TRUE(node->find("d")->is_scalar());
  EXPECT_TRUE(node->find("e")->is_map());
}

TEST(Yaml, ReportsEveryKeyGivenTwice) {
  EXPECT_EQ(errors_of("a: 1\nb:\n  x: 1\n  x: 2\na: 3\n"),
            "f.yml:4:3: error: x: given twice, first at line 3\n"
            "f.yml:5:1: error: a: given twice, first at line 1\n");
}

TEST(Yaml, ReportsBadSyntaxWithItsPlace) {
  EXPECT_EQ(errors_of("a: [1, 2\nb: 3\n"),
            "f.yml:2:2: error: not valid YAML: end of sequence flow not found\n");
  EXPECT_EQ(errors_of("a: 1\n\tb: 2\n").substr(0, 34), "f.yml:2:1: error: not valid YAML: ");
  EXPECT_EQ(errors_of("? [a]\n: 1\n"), "f.yml:1:3: error: expected a text as key\n");
  EXPECT_EQ(errors_of("a: !include x.yml\n"), "f.yml:1:4: error: unknown tag !include\n");
  EXPECT_EQ(errors_of("a: 1\n---\nb: 2\n"),
            "f.yml:2:1: error: expected one document, got a second one after ---\n");
}

TEST(Yaml, AliasesAndMergeKeysWork) {
  const auto node = read_yaml(
      "base: &base {a: 1, b: 2}\nuse:\n  <<: *base\n  b: 3\nmany:\n  <<: [*base, {c: 4}]\nsame: *base\n",
      "f.yml");
  ASSERT_TRUE(node) << node.error().text();
  EXPECT_EQ(node->find_path("use.a")->scalar, "1");
  EXPECT_EQ(node->find_path("use.b")->scalar, "3");
  EXPECT_EQ(node->find_path("many.c")->scalar, "4");
  EXPECT_EQ(node->find_path("same.b")->scalar, "2");
}

TEST(Yaml, RefusesADocumentThatAliasesBlowUp) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k == 0 ? "" : ", ") + below;
    text += "]\n";
  }
  EXPECT_NE(errors_of(text).find("aliases make the document larger than 200000 values"), std::string::npos);
}

TEST(Yaml, RefusesDeepNestingAndSelfReference) {
  EXPECT_NE(errors_of(std::string(100, '[')).find("nested deeper than 64 levels"), std::string::npos);
  EXPECT_EQ(errors_of("a: &a [*a]\n"), "f.yml:1:8: error: the alias stands inside what it names\n");
}

}  // namespace
}  // namespace limpet::config
