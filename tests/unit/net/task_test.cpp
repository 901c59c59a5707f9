#include "net/task.h"

#include <gtest/gtest.h>

#include <coroutine>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace limpet::net {
namespace {

/// A door that coroutines wait at, one after the other, until it is opened.
class Door {
 public:
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) { waiters_.push_back(waiter); }
  static void await_resume() noexcept {}
  void open() {
    std::vector<std::coroutine_handle<>> waiters;
    waiters.swap(waiters_);
    for (const auto waiter : waiters) waiter.resume();
  }
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

 private:
  std::vector<std::coroutine_handle<>> waiters_;
};

/// Counts how many of it are alive.
class Counted {
 public:
  explicit Counted(int& alive) : alive_(&alive) { ++*alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++*alive_; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*alive_; }

 private:
  int* alive_;
};

Task<int> twice(int value) {
  co_return value * 2;
}

Task<std::unique_ptr<std::string>> make_text() {
  co_return std::make_unique<std::string>("text");
}

TEST(Task, DoesNothingUntilItIsAwaited) {
  bool ran = false;
  const auto run = [](bool& flag) -> Task<void> {
    flag = true;
    co_return;
  };
  {
    const Task<void> never = run(ran);
  }
  EXPECT_FALSE(ran);
  spawn(run(ran));
  EXPECT_TRUE(ran);
}

TEST(Task, GivesItsValueToTheOneWhoWaits) {
  int result = 0;
  std::string text;
  spawn([](int& to, std::string& text_to) -> Task<void> {
    to = co_await twice(21);
    text_to = *co_await make_text();
  }(result, text));
  EXPECT_EQ(result, 42);
  EXPECT_EQ(text, "text");
}

TEST(Task, WaitsAndGoesOn) {
  Door door;
  std::vector<int> steps;
  spawn([](Door& at, std::vector<int>& log) -> Task<void> {
    log.push_back(1);
    co_await at;
    log.push_back(co_await [](Door& inner) -> Task<int> {
      co_await inner;
      co_return 2;
    }(at));
    log.push_back(3);
  }(door, steps));
  EXPECT_EQ(steps, (std::vector{1}));
  door.open();
  EXPECT_EQ(steps, (std::vector{1}));
  door.open();
  EXPECT_EQ(steps, (std::vector{1, 2, 3}));
}

TEST(Task, FreesItsArgumentsAndLocalsAtItsEnd) {
  int alive = 0;
  Door door;
  spawn([](Door& at, Counted, int& count) -> Task<void> {
    const Counted local(count);
    co_await at;
  }(door, Counted(alive), alive));
  EXPECT_EQ(alive, 2);
  door.open();
  EXPECT_EQ(alive, 0);
}

TEST(Task, ManyAwaitsInARowDoNotGrowTheStack) {
  std::uint64_t sum = 0;
  spawn([](std::uint64_t& to) -> Task<void> {
    for (int i = 0; i < 200'000; ++i) to += static_cast<std::uint64_t>(co_await twice(1));
  }(sum));
  EXPECT_EQ(sum, 400'000U);
}

TEST(Fork, RunsBesideItsParentAndIsJoined) {
  Door door;
  std::vector<std::string> log;
  spawn([](Door& at, std::vector<std::string>& lines) -> Task<void> {
    Fork fork([](Door& inner, std::vector<std::string>& to) -> Task<void> {
      to.emplace_back("fork begins");
      co_await inner;
      to.emplace_back("fork ends");
    }(at, lines));
    lines.emplace_back("parent goes on");
    EXPECT_FALSE(fork.done());
    co_await fork.join();
    EXPECT_TRUE(fork.done());
    lines.emplace_back("joined");
  }(door, log));
  EXPECT_EQ(log, (std::vector<std::string>{"fork begins", "parent goes on"}));
  door.open();
  EXPECT_EQ(log, (std::vector<std::string>{"fork begins", "parent goes on", "fork ends", "joined"}));
}

TEST(Fork, OneThatIsDoneIsJoinedAtOnce) {
  bool joined = false;
  spawn([](bool& flag) -> Task<void> {
    Fork fork([]() -> Task<void> { co_return; }());
    EXPECT_TRUE(fork.done());
    co_await fork.join();
    flag = true;
  }(joined));
  EXPECT_TRUE(joined);
}

TEST(Fork, MayDieAsSoonAsItsParentIsResumed) {
  Door door;
  auto alive = std::make_unique<int>(0);
  spawn([](Door& at, int& count) -> Task<void> {
    {
      Fork fork([](Door& inner, Counted) -> Task<void> { co_await inner; }(at, Counted(count)));
      co_await fork.join();
    }
  }(door, *alive));
  EXPECT_EQ(*alive, 1);
  door.open();
  EXPECT_EQ(*alive, 0);
}

TEST(ForkDeathTest, MustBeJoined) {
  Door door;
  EXPECT_DEATH({ Fork fork([](Door& at) -> Task<void> { co_await at; }(door)); }, "broken invariant: done_");
}

}  // namespace
}  // namespace limpet::net
