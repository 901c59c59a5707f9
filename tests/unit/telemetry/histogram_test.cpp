#include "telemetry/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>
#include <thread>
#include <vector>

namespace limpet::telemetry {
namespace {

using testing::ElementsAre;

TEST(HistogramBounds, AreSortedAndUnique) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(
      histogram_bounds({5, 0.1, 1, 0.1, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()}),
      ElementsAre(0.1, 1, 5));
  EXPECT_TRUE(histogram_bounds({}).empty());
}

TEST(Histogram, PutsAValueIntoTheBucketOfItsBound) {
  const std::vector<double> bounds = {1, 2, 5};
  Histogram histogram(bounds);
  for (const double value : {0.5, 1.0, 1.5, 2.0, 4.0, 5.0, 5.1}) histogram.observe(value);
  const HistogramReading reading = histogram.read();
  EXPECT_THAT(reading.counts, ElementsAre(2, 2, 2, 1));
  EXPECT_EQ(reading.count(), 7U);
  EXPECT_DOUBLE_EQ(reading.sum, 19.1);
}

TEST(Histogram, WorksWithoutBounds) {
  Histogram histogram({});
  histogram.observe(3);
  EXPECT_THAT(histogram.read().counts, ElementsAre(1));
}

TEST(Histogram, TakesReadings) {
  const std::vector<double> bounds = {1};
  Histogram first(bounds);
  Histogram second(bounds);
  first.observe(0.5);
  first.observe(7);
  second.observe(0.25);
  second.add(first.read());
  EXPECT_THAT(second.read().counts, ElementsAre(2, 1));
  EXPECT_DOUBLE_EQ(second.read().sum, 7.75);

  HistogramReading total;
  total.add(first.read());
  total.add(second.read());
  EXPECT_THAT(total.counts, ElementsAre(3, 2));
  EXPECT_DOUBLE_EQ(total.sum, 15.25);
}

TEST(Histogram, CountsEveryValueOnce) {
  EXPECT_TRUE(rc::check("count() is the number of values",
                        [](const std::vector<double>& bounds, const std::vector<double>& values) {
                          const std::vector<double> sorted = histogram_bounds(bounds);
                          Histogram histogram(sorted);
                          for (const double value : values) histogram.observe(value);
                          RC_ASSERT(histogram.read().count() == values.size());
                        }));
}

TEST(Histogram, IsReadWhileItGrows) {
  constexpr std::uint64_t kEnd = 10000;
  const std::vector<double> bounds = {10, 100};
  Histogram histogram(bounds);
  std::jthread writer([&] {
    for (std::uint64_t i = 0; i < kEnd; ++i) histogram.observe(static_cast<double>(i % 200));
  });
  std::uint64_t last = 0;
  while (last < kEnd) {
    const std::uint64_t now = histogram.read().count();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_EQ(last, kEnd);
}

}  // namespace
}  // namespace limpet::telemetry
