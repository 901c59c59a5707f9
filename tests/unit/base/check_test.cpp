#include "base/check.h"

#include <gtest/gtest.h>

namespace {

TEST(Check, PassesWhatHolds) {
  LIMPET_CHECK(1 + 1 == 2);
}

TEST(CheckDeathTest, NamesWhatIsBroken) {
  EXPECT_DEATH(LIMPET_CHECK(1 + 1 == 3), "check_test.cpp:[0-9]+: broken invariant: 1 \\+ 1 == 3");
}

}  // namespace
