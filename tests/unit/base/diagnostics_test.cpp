#include "base/diagnostics.h"

#include <gtest/gtest.h>

namespace limpet::base {
namespace {

TEST(SourcePlace, TellsAsMuchAsIsKnown) {
  EXPECT_EQ((SourcePlace{"a.yml", 3, 7}).text(), "a.yml:3:7");
  EXPECT_EQ((SourcePlace{"a.yml", 3, 0}).text(), "a.yml:3");
  EXPECT_EQ((SourcePlace{"flags", 0, 0}).text(), "flags");
  EXPECT_EQ(SourcePlace{}.text(), "");
}

TEST(Diagnostic, NamesPlaceSeverityAndKey) {
  const Diagnostic full{Severity::kError, {"a.yml", 3, 7}, "api.token", "expected a string"};
  EXPECT_EQ(full.text(), "a.yml:3:7: error: api.token: expected a string");
  const Diagnostic bare{Severity::kWarning, {}, "", "nothing to do"};
  EXPECT_EQ(bare.text(), "warning: nothing to do");
}

TEST(Diagnostics, KeepsTheOrderAndKnowsErrors) {
  Diagnostics all;
  EXPECT_TRUE(all.empty());
  EXPECT_EQ(all.text(), "");
  all.warning({"flags", 0, 0}, "a", "odd");
  EXPECT_FALSE(all.has_errors());

  Diagnostics more;
  more.error({"f.yml", 1, 0}, "b", "wrong");
  all.add_all(more);
  all.add({Severity::kWarning, {}, "", "late"});
  EXPECT_TRUE(all.has_errors());
  EXPECT_FALSE(all.empty());
  ASSERT_EQ(all.items().size(), 3U);
  EXPECT_EQ(all.items()[1], more.items()[0]);
  EXPECT_EQ(all.text(), "flags: warning: a: odd\nf.yml:1: error: b: wrong\nwarning: late\n");
}

}  // namespace
}  // namespace limpet::base
