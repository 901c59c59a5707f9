#include "scaling/drivers/stop_watch.h"

#include <gtest/gtest.h>

namespace limpet::scaling {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kNow = base::TimePoint{} + 1h;

TEST(StopWatch, HoldsForAMomentWhenOneOfSeveralIsStopped) {
  StopWatch watch;
  EXPECT_FALSE(watch.holds(3, kNow));
  watch.stopping("a", 10s, kNow);
  EXPECT_TRUE(watch.is_stopping("a"));
  EXPECT_TRUE(watch.holds(3, kNow + 1s));
  EXPECT_FALSE(watch.holds(3, kNow + StopWatch::kPause));
  watch.ended("a", kNow + 5s);
  EXPECT_FALSE(watch.is_stopping("a"));
  EXPECT_TRUE(watch.holds(2, kNow + 6s));
  EXPECT_FALSE(watch.holds(2, kNow + 5s + StopWatch::kPause));
}

TEST(StopWatch, HoldsWhileAllAreBeingStoppedAndUntilOneRunsAgain) {
  StopWatch watch;
  watch.stopping("a", 60s, kNow);
  watch.stopping("b", 60s, kNow);
  EXPECT_TRUE(watch.holds(2, kNow + 50s));
  watch.ended("a", kNow + 50s);
  EXPECT_FALSE(watch.all_stopped(1));
  watch.ended("b", kNow + 51s);
  EXPECT_TRUE(watch.all_stopped(0));
  EXPECT_TRUE(watch.holds(0, kNow + 24h));
  // Who starts one may be about to start the others.
  watch.runs("b", 0, kNow + 24h);
  EXPECT_FALSE(watch.all_stopped(0));
  EXPECT_TRUE(watch.holds(1, kNow + 24h));
  EXPECT_FALSE(watch.holds(1, kNow + 24h + StopWatch::kLongPause));
}

TEST(StopWatch, DoesNotWaitForEverForOneThatDoesNotEnd) {
  StopWatch watch;
  watch.stopping("a", 10s, kNow);
  EXPECT_TRUE(watch.holds(1, kNow + 10s));
  EXPECT_FALSE(watch.holds(1, kNow + 10s + StopWatch::kLongPause));
}

TEST(StopWatch, IsNotConcernedWithThoseThatEndByThemselves) {
  StopWatch watch;
  watch.ended("a", kNow);
  EXPECT_FALSE(watch.all_stopped(0));
  EXPECT_FALSE(watch.holds(0, kNow));
}

}  // namespace
}  // namespace limpet::scaling
