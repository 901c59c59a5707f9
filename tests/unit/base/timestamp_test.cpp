#include "base/timestamp.h"

#include <gtest/gtest.h>

#include <chrono>

namespace limpet::base {
namespace {

using namespace std::chrono_literals;

TEST(UtcTimestamp, IsRfc3339) {
  EXPECT_EQ(utc_timestamp(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_timestamp(WallTime{1709210096s + 789ms + 999us}), "2024-02-29T12:34:56.789Z");
  EXPECT_EQ(utc_timestamp(WallTime{-1ms}), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace limpet::base
