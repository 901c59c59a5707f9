#include "telemetry/counter.h"

#include <gtest/gtest.h>

#include <thread>

namespace limpet::telemetry {
namespace {

TEST(Counter, AddsUp) {
  Counter counter;
  EXPECT_EQ(counter.value(), 0U);
  counter.add();
  counter.add(41);
  EXPECT_EQ(counter.value(), 42U);
}

TEST(Counter, IsReadWhileItGrows) {
  constexpr std::uint64_t kEnd = 10000;
  Counter counter;
  std::jthread writer([&] {
    for (std::uint64_t i = 0; i < kEnd; ++i) counter.add();
  });
  std::uint64_t last = 0;
  while (last < kEnd) {
    const std::uint64_t now = counter.value();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_EQ(last, kEnd);
}

TEST(Gauge, GoesUpAndDown) {
  Gauge gauge;
  gauge.add(3);
  gauge.add(-5);
  EXPECT_EQ(gauge.value(), -2);
}

}  // namespace
}  // namespace limpet::telemetry
