#include "net/reactor.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "net/socket.h"
#include "net/task.h"
#include "unit/net/connected_pair.h"

namespace limpet::net {
namespace {

using std::chrono::milliseconds;

class Recorder final : public EventHandler {
 public:
  std::uint32_t seen = 0;
  int calls = 0;
  std::move_only_function<void()> then;

 private:
  void on_events(std::uint32_t events) noexcept override {
    seen |= events;
    ++calls;
    if (then) then();
  }
};

class TokenRecorder final : public TokenSink {
 public:
  std::vector<std::pair<std::uintptr_t, std::uint32_t>> seen;

 private:
  void on_token(std::uintptr_t token, std::uint32_t events) noexcept override {
    seen.emplace_back(token, events);
  }
};

TEST(Reactor, RunsPostedWorkInItsThreadUntilStopped) {
  Reactor reactor;
  std::thread::id ran_in;
  std::thread thread([&] { reactor.run(); });
  const std::thread::id expected = thread.get_id();
  reactor.post([&] {
    ran_in = std::this_thread::get_id();
    reactor.stop();
  });
  thread.join();
  EXPECT_EQ(ran_in, expected);
}

TEST(Reactor, WorkPostedFromManyThreadsRunsOnceEachAndInOrder) {
  constexpr int kThreads = 4;
  constexpr int kEach = 5000;
  Reactor reactor;
  std::vector<std::vector<int>> seen(kThreads);
  int left = kThreads * kEach;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        reactor.post([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (--left == 0) reactor.stop();
        });
      }
    });
  }
  reactor.run();
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int>& numbers : seen) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(kEach));
    for (int i = 0; i < kEach; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)], i);
  }
}

TEST(Reactor, WorkMayPostMoreWork) {
  Reactor reactor;
  int depth = 0;
  std::function<void()> work = [&] {
    if (++depth == 100) {
      reactor.stop();
    } else {
      reactor.post(work);
    }
  };
  reactor.post(work);
  reactor.run();
  EXPECT_EQ(depth, 100);
}

TEST(Reactor, WorkThatNeverRanIsDestroyed) {
  auto held = std::make_shared<int>(0);
  {
    Reactor reactor;
    reactor.post([held] {});
    EXPECT_EQ(held.use_count(), 2);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Reactor, AStopBeforeRunCounts) {
  Reactor reactor;
  reactor.stop();
  reactor.run();
}

TEST(Reactor, ArmedTimersFireWithoutAnyEvent) {
  Reactor reactor;
  struct Context {
    Reactor& reactor;
    base::TimePoint at{};
  } context{reactor};
  Timer timer(
      [](void* self) noexcept {
        auto* told = static_cast<Context*>(self);
        told->at = base::Clock::now();
        told->reactor.stop();
      },
      &context);
  const base::TimePoint began = reactor.now();
  reactor.arm(timer, milliseconds(30));
  reactor.run();
  EXPECT_GE(context.at - began, milliseconds(30));
}

TEST(Reactor, TellsAHandlerOfBytesAndOfHangUps) {
  Reactor reactor;
  ConnectedPair pair = unix_pair();
  Recorder handler;
  ASSERT_TRUE(reactor.add(pair.ours.get(), handler));
  EXPECT_EQ(send_some(pair.peers, "x"), 1U);
  EXPECT_TRUE(turn_until(reactor, [&] { return (handler.seen & EPOLLIN) != 0; }));
  EXPECT_EQ(handler.seen & EPOLLRDHUP, 0U);
  pair.peers.reset();
  EXPECT_TRUE(turn_until(reactor, [&] { return (handler.seen & EPOLLRDHUP) != 0; }));
  reactor.forget(pair.ours.get());
}

TEST(Reactor, EventsAreToldOnceAsTheyComeNotAsLongAsTheyLast) {
  Reactor reactor;
  ConnectedPair pair = unix_pair();
  Recorder handler;
  ASSERT_TRUE(reactor.add(pair.ours.get(), handler));
  EXPECT_EQ(send_some(pair.peers, "x"), 1U);
  settle(reactor);
  const int calls = handler.calls;
  settle(reactor);
  EXPECT_EQ(handler.calls, calls);
  EXPECT_EQ(send_some(pair.peers, "y"), 1U);
  settle(reactor);
  EXPECT_GT(handler.calls, calls);
}

TEST(Reactor, AReaderIsToldForAsLongAsThereIsSomething) {
  Reactor reactor;
  const Fd event(::eventfd(1, EFD_NONBLOCK));
  Recorder handler;
  ASSERT_TRUE(reactor.add_reader(event.get(), handler));
  settle(reactor);
  EXPECT_EQ(handler.calls, 20);
  reactor.remove(event.get());
  settle(reactor);
  EXPECT_EQ(handler.calls, 20);
}

TEST(Reactor, RefusesADescriptorThatCannotBeWatched) {
  Reactor reactor;
  Recorder handler;
  EXPECT_FALSE(reactor.add(9999, handler));
}

TEST(Reactor, RedirectHandsLaterEventsToTheTokenSink) {
  Reactor reactor;
  TokenRecorder sink;
  reactor.set_token_sink(&sink);
  ConnectedPair pair = unix_pair();
  Recorder handler;
  ASSERT_TRUE(reactor.add(pair.ours.get(), handler));
  settle(reactor);
  const int before = handler.calls;
  reactor.redirect(pair.ours.get(), 0x1000);
  EXPECT_EQ(send_some(pair.peers, "x"), 1U);
  settle(reactor);
  EXPECT_EQ(handler.calls, before);
  ASSERT_FALSE(sink.seen.empty());
  EXPECT_EQ(sink.seen.back().first, 0x1000U);
  EXPECT_NE(sink.seen.back().second & EPOLLIN, 0U);
  reactor.set_token_sink(nullptr);
  reactor.forget(pair.ours.get());
}

TEST(Reactor, AnEventOfAClosedDescriptorIsNotTakenForOneOfItsSuccessor) {
  Reactor reactor;
  ConnectedPair first = unix_pair();
  ConnectedPair second = unix_pair();
  const int reused = second.ours.get();
  Recorder closer;
  Recorder stale;
  Recorder fresh;
  ConnectedPair third;
  bool replaced = false;
  closer.then = [&] {
    if (std::exchange(replaced, true)) return;
    reactor.forget(reused);
    second.ours.reset();
    // The lowest free number is given out next.
    third = unix_pair();
    if (third.peers.get() == reused) std::swap(third.ours, third.peers);
    EXPECT_TRUE(reactor.add(third.ours.get(), fresh));
  };
  ASSERT_TRUE(reactor.add(first.ours.get(), closer));
  ASSERT_TRUE(reactor.add(second.ours.get(), stale));
  EXPECT_EQ(send_some(first.peers, "x"), 1U);
  second.peers.reset();
  reactor.run_once(milliseconds(0));
  ASSERT_TRUE(replaced);
  EXPECT_EQ(third.ours.get(), reused);
  EXPECT_EQ(stale.calls, 0);
  EXPECT_EQ(fresh.calls, 0);
  reactor.run_once(milliseconds(0));
  EXPECT_EQ(fresh.seen & (EPOLLIN | EPOLLRDHUP | EPOLLHUP), 0U);
  reactor.forget(first.ours.get());
  reactor.forget(third.ours.get());
}

TEST(Reactor, CallsAHandlerAgainInTheNextTurn) {
  Reactor reactor;
  ConnectedPair pair = unix_pair();
  Recorder handler;
  ASSERT_TRUE(reactor.add(pair.ours.get(), handler));
  settle(reactor);
  handler.calls = 0;
  reactor.call_again(pair.ours.get());
  EXPECT_EQ(handler.calls, 0);
  const base::TimePoint began = base::Clock::now();
  reactor.run_once(std::chrono::seconds(10));
  EXPECT_LT(base::Clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(handler.calls, 1);
  reactor.run_once(milliseconds(0));
  EXPECT_EQ(handler.calls, 1);
  reactor.call_again(pair.ours.get());
  reactor.forget(pair.ours.get());
  reactor.run_once(milliseconds(0));
  EXPECT_EQ(handler.calls, 1);
}

TEST(Reactor, TheTurnHookRunsOnceATurnAfterTheEvents) {
  Reactor reactor;
  std::vector<int> log;
  reactor.set_turn_hook([&] { log.push_back(2); });
  reactor.post([&] { log.push_back(1); });
  reactor.run_once(milliseconds(0));
  reactor.run_once(milliseconds(0));
  EXPECT_EQ(log, (std::vector{1, 2, 2}));
}

TEST(Reactor, StayingAwakeSkipsOneWait) {
  Reactor reactor;
  reactor.stay_awake();
  const base::TimePoint began = base::Clock::now();
  reactor.run_once(std::chrono::seconds(10));
  EXPECT_LT(base::Clock::now() - began, std::chrono::seconds(5));
}

TEST(Sleep, TakesAtLeastItsTime) {
  Reactor reactor;
  const base::TimePoint began = base::Clock::now();
  base::TimePoint ended{};
  spawn([](Reactor& in, base::TimePoint& at) -> Task<void> {
    Sleep pause(in, milliseconds(25));
    co_await pause;
    at = base::Clock::now();
    Sleep none(in, base::Duration(0));
    co_await none;
    in.stop();
  }(reactor, ended));
  reactor.run();
  EXPECT_GE(ended - began, milliseconds(25));
}

}  // namespace
}  // namespace limpet::net
