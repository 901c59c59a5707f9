#include "scaling/signals.h"

#include <gtest/gtest.h>

#include <chrono>

namespace limpet::scaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::TimePoint kNow{std::chrono::hours(1)};

TEST(ArrivalRate, MeetsAConstantRate) {
  ArrivalRate rate;
  EXPECT_EQ(rate.expected(kNow), 0);
  base::TimePoint now = kNow;
  for (int i = 0; i < 20'000; ++i) rate.note(now += milliseconds(100));
  EXPECT_NEAR(rate.fast(now), 10, 0.3);
  EXPECT_NEAR(rate.slow(now), 10, 0.3);
}

TEST(ArrivalRate, SeesACrowdAtOnceAndForgetsItSlowly) {
  ArrivalRate rate;
  base::TimePoint now = kNow;
  for (int i = 0; i < 60; ++i) rate.note(now += seconds(1), 20);
  EXPECT_GT(rate.fast(now), 18);
  EXPECT_LT(rate.slow(now), 4);
  EXPECT_EQ(rate.expected(now), rate.fast(now));
  now += minutes(3);
  EXPECT_LT(rate.fast(now), 0.1);
  EXPECT_GT(rate.slow(now), 1.5);
  EXPECT_EQ(rate.expected(now), rate.slow(now));
}

TEST(ArrivalRate, HalvesInItsHalfLife) {
  ArrivalRate rate;
  rate.note(kNow, 100);
  EXPECT_NEAR(rate.fast(kNow + ArrivalRate::kFastHalfLife), rate.fast(kNow) / 2, 1e-9);
  EXPECT_NEAR(rate.slow(kNow + ArrivalRate::kSlowHalfLife), rate.slow(kNow) / 2, 1e-9);
}

TEST(StartTimes, P95OfTheLast) {
  StartTimes times;
  EXPECT_EQ(times.p95(seconds(9)), seconds(9));
  times.note(seconds(3));
  EXPECT_EQ(times.p95(seconds(9)), seconds(3));
  for (int i = 0; i < 19; ++i) times.note(seconds(1));
  EXPECT_EQ(times.p95(seconds(9)), seconds(1));  // one of twenty was slower
  times.note(seconds(3));
  EXPECT_EQ(times.p95(seconds(9)), seconds(3));
  for (int i = 0; i < 32; ++i) times.note(seconds(2));
  EXPECT_EQ(times.p95(seconds(9)), seconds(2));
}

}  // namespace
}  // namespace limpet::scaling
