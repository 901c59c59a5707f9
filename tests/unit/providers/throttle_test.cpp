#include "providers/throttle.h"

#include <gtest/gtest.h>

namespace limpet::providers {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

TEST(Throttle, TheFirstChangeCountsSoonTheNextAfterThePeriod) {
  Throttle throttle(50ms, 2s);
  EXPECT_FALSE(throttle.is_due(kStart));
  EXPECT_EQ(throttle.note(kStart), kStart + 50ms);
  EXPECT_FALSE(throttle.is_due(kStart + 49ms));
  EXPECT_TRUE(throttle.is_due(kStart + 50ms));
  throttle.done(kStart + 50ms);
  EXPECT_FALSE(throttle.is_due(kStart + 1h));

  EXPECT_EQ(throttle.note(kStart + 100ms), kStart + 2050ms);
  EXPECT_EQ(throttle.note(kStart + 1s), kStart + 2050ms);
  throttle.done(kStart + 2050ms);
  EXPECT_EQ(throttle.note(kStart + 10s), kStart + 10s + 50ms);
}

TEST(Throttle, ABurstCountsOnce) {
  Throttle throttle(50ms, 0s);
  EXPECT_EQ(throttle.note(kStart), kStart + 50ms);
  EXPECT_EQ(throttle.note(kStart + 30ms), kStart + 50ms);
  throttle.done(kStart + 50ms);
  EXPECT_EQ(throttle.note(kStart + 60ms), kStart + 110ms);
}

}  // namespace
}  // namespace limpet::providers
