#include "relay/batch_pace.h"

#include <gtest/gtest.h>

#include <chrono>

namespace limpet::relay {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

class BatchPaceTest : public testing::Test {
 protected:
  /// Waits that end one after another for as long as it says, each with so many messages.
  void go_on(base::Duration for_so_long, base::Duration between, std::uint32_t messages) {
    for (const base::TimePoint end = now_ + for_so_long; now_ < end;) {
      now_ += between;
      pace_.took(messages, now_);
      if (pace_.gathers()) ++gathering_;
      ++waits_;
    }
  }

  base::TimePoint now_{seconds(1000)};
  BatchPace pace_{microseconds(50)};
  int gathering_ = 0;
  int waits_ = 0;
};

TEST_F(BatchPaceTest, NobodyIsDelayedWhereMessagesAreRare) {
  go_on(seconds(5), microseconds(100), 1);
  EXPECT_EQ(gathering_, 0);
}

TEST_F(BatchPaceTest, ManyMessagesAreGatheredFromTheNextPeriodOn) {
  go_on(std::chrono::milliseconds(11), microseconds(20), 1);
  EXPECT_TRUE(pace_.gathers());
}

TEST_F(BatchPaceTest, GoesOnWhileItBringsSeveralAtOnce) {
  go_on(std::chrono::milliseconds(11), microseconds(20), 1);
  gathering_ = waits_ = 0;
  go_on(seconds(5), microseconds(60), 3);
  EXPECT_EQ(gathering_, waits_);
}

TEST_F(BatchPaceTest, APlayerWhoWaitsForEachAnswerIsSeldomDelayed) {
  // Fast enough that another message is to be expected, but none comes before the first has been passed on.
  go_on(seconds(10), microseconds(25), 1);
  EXPECT_LT(gathering_, waits_ / 15);
}

TEST_F(BatchPaceTest, StopsWhenMessagesBecomeRare) {
  go_on(std::chrono::milliseconds(11), microseconds(20), 1);
  go_on(std::chrono::milliseconds(50), microseconds(500), 1);
  EXPECT_FALSE(pace_.gathers());
}

TEST_F(BatchPaceTest, WithoutADelayItNeverGathers) {
  BatchPace none(base::Duration(0));
  for (int i = 0; i < 100'000; ++i) {
    now_ += microseconds(1);
    none.took(8, now_);
    ASSERT_FALSE(none.gathers());
  }
}

}  // namespace
}  // namespace limpet::relay
