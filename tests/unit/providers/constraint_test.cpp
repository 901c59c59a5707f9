#include "providers/constraint.h"

#include <gtest/gtest.h>

#include <string>

namespace limpet::providers {
namespace {

const Labels kLabels{{"stage", "live"}, {"team", "red \"a\""}};

std::string holds(std::string_view text) {
  const auto parsed = Constraint::parse(text);
  if (parsed) return parsed->matches(kLabels) ? "yes" : "no";
  return std::to_string(parsed.error().offset) + ": expected " + parsed.error().expected;
}

TEST(Constraint, ComparesLabels) {
  EXPECT_EQ(holds(""), "yes");
  EXPECT_EQ(holds("  "), "yes");
  EXPECT_EQ(holds("Label(`stage`, `live`)"), "yes");
  EXPECT_EQ(holds("Label(`stage`,`test`)"), "no");
  EXPECT_EQ(holds(R"(Label("team","red \"a\""))"), "yes");
  EXPECT_EQ(holds("Label(`none`,``)"), "yes");
  EXPECT_EQ(holds("LabelRegex(`stage`, `^l.v`)"), "yes");
  EXPECT_EQ(holds("LabelRegex(`stage`, `iv`)"), "yes");
  EXPECT_EQ(holds("LabelRegex(`stage`, `^v`)"), "no");
}

TEST(Constraint, JoinsWithPrecedence) {
  EXPECT_EQ(holds("!Label(`stage`,`live`)"), "no");
  EXPECT_EQ(holds("!!Label(`stage`,`live`)"), "yes");
  EXPECT_EQ(holds("Label(`stage`,`live`) || Label(`a`,`1`) && Label(`b`,`2`)"), "yes");
  EXPECT_EQ(holds("(Label(`stage`,`live`) || Label(`a`,`1`)) && Label(`b`,`2`)"), "no");
  EXPECT_EQ(holds("!(Label(`a`,`1`) || Label(`b`,`2`))"), "yes");
}

TEST(Constraint, SaysWhatIsExpected) {
  EXPECT_EQ(holds("Tag(`a`)"), "0: expected Label(`key`, `value`) or LabelRegex(`key`, `pattern`)");
  EXPECT_EQ(holds("Label(`a`)"), "9: expected , and a second text");
  EXPECT_EQ(holds("Label('a', 'b')"), "6: expected a text in backticks or double quotes");
  EXPECT_EQ(holds("Label(`a`, `b`"), "14: expected )");
  EXPECT_EQ(holds("Label(`a`, `b`) &"), "16: expected &&, || or the end");
  EXPECT_EQ(holds("Label(`a`, `b`) &&"),
            "18: expected Label(`key`, `value`) or LabelRegex(`key`, `pattern`)");
  EXPECT_EQ(holds("(Label(`a`, `b`)"), "16: expected )");
  EXPECT_EQ(holds("LabelRegex(`a`, `(`)"), "16: expected a regular expression (missing ): ()");
  EXPECT_EQ(holds(std::string(1000, '!')), "50: expected less nesting");
  EXPECT_EQ(holds(std::string(1000, '(')), "50: expected less nesting");
}

}  // namespace
}  // namespace limpet::providers
