#include "cli/table.h"

#include <gtest/gtest.h>

namespace limpet::cli {
namespace {

TEST(Table, AlignsColumns) {
  Table table({{.title = "NAME"}, {.title = "N", .align = Table::Align::kRight}, {.title = "END"}});
  table.add({"a", "100", "x"});
  table.add({"longer", "1", ""});
  EXPECT_EQ(table.text(),
            "NAME      N  END\n"
            "a       100  x\n"
            "longer    1\n");
}

TEST(Table, WithoutTitlesAndIndented) {
  Table table({{.title = ""}, {.title = ""}});
  EXPECT_EQ(table.text(), "");
  table.add({"a", "b"});
  EXPECT_EQ(table.text(2), "  a  b\n");
}

TEST(Table, CountsCharactersNotBytes) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.add({"é€", "x"});
  EXPECT_EQ(table.text(), "A   B\né€  x\n");
}

TEST(Table, ShowsControlCharactersEscaped) {
  Table table({{.title = "A"}});
  table.add({"a\n\x1b[1m"});
  EXPECT_EQ(table.text(), "A\na\\n\\x1b[1m\n");
}

}  // namespace
}  // namespace limpet::cli
