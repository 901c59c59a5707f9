#include "net/timer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace limpet::net {
namespace {

using base::Duration;
using base::TimePoint;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr Duration kTick = milliseconds(16);
const TimePoint kStart = TimePoint(hours(1));

/// A timer that calls whatever function it has been given.
class CallTimer {
 public:
  Timer timer{&CallTimer::fire, this};
  std::function<void()> call = [] {};
  int fired = 0;

 private:
  static void fire(void* self) noexcept {
    auto* owner = static_cast<CallTimer*>(self);
    ++owner->fired;
    owner->call();
  }
};

class TimerWheelTest : public testing::Test {
 protected:
  void advance(Duration step) {
    now += step;
    wheel.advance(now);
  }
  TimePoint now = kStart;
  TimerWheel wheel{kStart};
};

TEST_F(TimerWheelTest, FiresOnceAndNotEarly) {
  CallTimer timer;
  wheel.arm(timer.timer, now + milliseconds(100));
  EXPECT_TRUE(timer.timer.armed());
  advance(milliseconds(99));
  EXPECT_EQ(timer.fired, 0);
  advance(milliseconds(1) + kTick);
  EXPECT_EQ(timer.fired, 1);
  EXPECT_FALSE(timer.timer.armed());
  advance(hours(1));
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, ADeadlineThatHasPassedFiresInTheNextTick) {
  advance(hours(2));
  CallTimer timer;
  wheel.arm(timer.timer, now - hours(1));
  advance(kTick);
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, ADisarmedTimerDoesNotFire) {
  CallTimer timer;
  wheel.arm(timer.timer, now + kTick);
  timer.timer.disarm();
  timer.timer.disarm();
  EXPECT_FALSE(timer.timer.armed());
  advance(hours(1));
  EXPECT_EQ(timer.fired, 0);
  EXPECT_LT(wheel.until_next(now), Duration(0));
}

TEST_F(TimerWheelTest, ArmingAgainMovesTheDeadline) {
  CallTimer timer;
  wheel.arm(timer.timer, now + milliseconds(20));
  wheel.arm(timer.timer, now + hours(1));
  advance(milliseconds(200));
  EXPECT_EQ(timer.fired, 0);
  advance(hours(1));
  EXPECT_EQ(timer.fired, 1);
}

TEST_F(TimerWheelTest, ATimerThatDiesIsDisarmed) {
  {
    CallTimer timer;
    wheel.arm(timer.timer, now + kTick);
  }
  advance(hours(1));
  EXPECT_LT(wheel.until_next(now), Duration(0));
}

TEST_F(TimerWheelTest, TimersOutliveTheWheel) {
  CallTimer timer;
  {
    TimerWheel short_lived(kStart);
    short_lived.arm(timer.timer, kStart + kTick);
  }
  EXPECT_FALSE(timer.timer.armed());
}

TEST_F(TimerWheelTest, ACallbackMayDisarmItsNeighboursInTheSameSlot) {
  std::vector<CallTimer> timers(5);
  for (CallTimer& timer : timers) wheel.arm(timer.timer, now + milliseconds(50));
  for (CallTimer& timer : timers) {
    timer.call = [&] {
      for (CallTimer& other : timers) other.timer.disarm();
    };
  }
  advance(milliseconds(100));
  int fired = 0;
  for (const CallTimer& timer : timers) fired += timer.fired;
  EXPECT_EQ(fired, 1);
}

TEST_F(TimerWheelTest, ACallbackMayDestroyItsTimer) {
  auto timer = std::make_unique<CallTimer>();
  bool called = false;
  timer->call = [&] {
    called = true;
    timer.reset();
  };
  wheel.arm(timer->timer, now + milliseconds(50));
  advance(milliseconds(100));
  EXPECT_TRUE(called);
}

TEST_F(TimerWheelTest, ATimerThatRearmsItselfFiresOnceATick) {
  CallTimer timer;
  timer.call = [&] { wheel.arm(timer.timer, now); };
  wheel.arm(timer.timer, now);
  for (int i = 1; i <= 10; ++i) {
    advance(kTick);
    EXPECT_EQ(timer.fired, i);
  }
}

TEST_F(TimerWheelTest, ALongPauseFiresAllThatIsDueAndNothingElse) {
  CallTimer soon;
  CallTimer later;
  CallTimer much_later;
  wheel.arm(soon.timer, now + milliseconds(50));
  wheel.arm(later.timer, now + hours(3));
  wheel.arm(much_later.timer, now + hours(5));
  advance(hours(4));
  EXPECT_EQ(soon.fired, 1);
  EXPECT_EQ(later.fired, 1);
  EXPECT_EQ(much_later.fired, 0);
  advance(hours(2));
  EXPECT_EQ(much_later.fired, 1);
}

TEST_F(TimerWheelTest, TimersOfOneSlotFireInTheOrderTheyWereArmed) {
  std::vector<int> order;
  std::vector<CallTimer> timers(4);
  for (std::size_t i = 0; i < timers.size(); ++i) {
    timers[i].call = [&order, i] { order.push_back(static_cast<int>(i)); };
    wheel.arm(timers[i].timer, now + milliseconds(50));
  }
  advance(milliseconds(100));
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
}

TEST_F(TimerWheelTest, ManyTimersBehindMoreThatAreNotDueCostLittle) {
  // One turn of the wheel apart, so they share a slot; a quadratic walk would take minutes.
  constexpr Duration kTurn = kTick * 1024;
  std::vector<CallTimer> due(100'000);
  std::vector<CallTimer> not_due(100'000);
  for (CallTimer& timer : due) wheel.arm(timer.timer, now + milliseconds(50));
  for (CallTimer& timer : not_due) wheel.arm(timer.timer, now + milliseconds(50) + kTurn);
  const TimePoint began = base::Clock::now();
  advance(milliseconds(100));
  EXPECT_LT(base::Clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(due.back().fired + due.front().fired, 2);
  EXPECT_EQ(not_due.front().fired, 0);
}

/// Random armings, disarmings and waits, with callbacks that do the same, beside a model that is a list of
/// deadlines.
class Model {
 public:
  static constexpr std::size_t kTimers = 12;

  explicit Model(bool sleep_as_told) : sleep_as_told_(sleep_as_told) {
    for (std::size_t i = 0; i < kTimers; ++i) {
      timers_[i].call = [this, i] { fired(i); };
    }
  }

  void arm(std::size_t index, Duration from_now) {
    deadlines_[index] = now_ + from_now;
    armed_at_[index] = now_;
    wheel_.arm(timers_[index].timer, now_ + from_now);
  }
  void disarm(std::size_t index) {
    deadlines_[index].reset();
    timers_[index].timer.disarm();
  }
  void on_fire(std::size_t index, std::function<void()> action) { actions_[index] = std::move(action); }

  void wait(Duration longest) {
    const TimePoint end = now_ + longest;
    while (now_ < end) {
      Duration step = end - now_;
      if (sleep_as_told_) {
        const Duration told = wheel_.until_next(now_);
        RC_ASSERT((told < Duration(0)) == (armed() == 0));
        // As epoll waits: whole milliseconds, rounded up, so one at least unless it is due already.
        if (told >= Duration(0)) step = std::min(step, Duration(std::chrono::ceil<milliseconds>(told)));
      }
      if (step == Duration(0)) step = microseconds(10);
      now_ += step;
      wheel_.advance(now_);
      check_nothing_is_overdue();
    }
  }

 private:
  std::size_t armed() const {
    std::size_t count = 0;
    for (const auto& deadline : deadlines_) count += deadline ? 1 : 0;
    return count;
  }

  // Called by the wheel, which lets no exception through.
  void fired(std::size_t index) {
    if (!deadlines_[index]) {
      wrong_ = "fired a timer that was not armed";
      return;
    }
    if (*deadlines_[index] > now_) wrong_ = "fired early";
    const Duration late = now_ - std::max(*deadlines_[index], armed_at_[index]);
    if (sleep_as_told_ && late > kTick + milliseconds(1) + microseconds(10)) wrong_ = "fired late";
    deadlines_[index].reset();
    if (auto action = std::exchange(actions_[index], nullptr)) action();
  }

  void check_nothing_is_overdue() const {
    RC_ASSERT(wrong_ == "");
    for (std::size_t i = 0; i < kTimers; ++i) {
      RC_ASSERT(timers_[i].timer.armed() == deadlines_[i].has_value());
      if (!deadlines_[i] || armed_at_[i] == now_) continue;
      RC_ASSERT(std::max(*deadlines_[i], armed_at_[i]) + kTick > now_);
    }
  }

  bool sleep_as_told_;
  TimePoint now_ = kStart;
  TimerWheel wheel_{kStart};
  std::string wrong_;
  std::array<CallTimer, kTimers> timers_;
  std::array<std::optional<TimePoint>, kTimers> deadlines_;
  std::array<TimePoint, kTimers> armed_at_{};
  std::array<std::function<void()>, kTimers> actions_;
};

rc::Gen<Duration> any_duration() {
  return rc::gen::map(rc::gen::oneOf(rc::gen::inRange(-100, 100), rc::gen::inRange(0, 20'000),
                                     rc::gen::inRange(0, 4'000'000)),
                      [](int value) { return Duration(milliseconds(value)) + microseconds(value % 977); });
}

void run_model(bool sleep_as_told) {
  Model model(sleep_as_told);
  const auto any_timer = rc::gen::inRange<std::size_t>(0, Model::kTimers);
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const std::size_t index = *any_timer;
    const std::size_t victim = *any_timer;
    const Duration duration = *any_duration();
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
      case 1:
        model.arm(index, duration);
        break;
      case 2:
        model.disarm(index);
        break;
      case 3:
        model.on_fire(index, [&model, victim, duration] { model.arm(victim, duration); });
        break;
      case 4:
        model.on_fire(index, [&model, victim] { model.disarm(victim); });
        break;
      default:
        model.wait(sleep_as_told ? duration % std::chrono::minutes(2) : duration);
    }
  }
}

RC_GTEST_PROP(TimerWheelProperty, FiresLikeAListOfDeadlines, ()) {
  run_model(false);
}
RC_GTEST_PROP(TimerWheelProperty, WakesInTimeWhenWaitsLastAsLongAsItSays, ()) {
  run_model(true);
}

}  // namespace
}  // namespace limpet::net
