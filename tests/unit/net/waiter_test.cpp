#include <gtest/gtest.h>

#include <sys/epoll.h>

#include <cstdint>

#include "net/reactor.h"
#include "unit/net/connected_pair.h"

namespace limpet::net {
namespace {

/// Says what it is told to, and counts.
class TestWaiter final : public Waiter {
 public:
  bool waits = false;
  bool epoll_ready = false;
  int waited = 0;
  int handled = 0;

  bool wait(int /*timeout_ms*/) noexcept override {
    ++waited;
    return waits;
  }
  bool handle() noexcept override {
    ++handled;
    return epoll_ready;
  }
};

class Counter final : public EventHandler {
 public:
  int events = 0;
  void on_events(std::uint32_t /*events*/) noexcept override { ++events; }
};

class WaiterTest : public testing::Test {
 protected:
  WaiterTest() : pair(unix_pair()) {
    EXPECT_TRUE(reactor.add(pair.ours.get(), counter));
    reactor.set_waiter(&waiter);
  }
  ~WaiterTest() override { reactor.set_waiter(nullptr); }
  void turn() { reactor.run_once(base::Duration(0)); }

  Reactor reactor;
  Counter counter;
  TestWaiter waiter;
  ConnectedPair pair;
};

TEST_F(WaiterTest, TheReactorWaitsItselfIfTheWaiterHasNothingTo) {
  turn();
  EXPECT_EQ(counter.events, 1);
  EXPECT_EQ(waiter.waited, 1);
  EXPECT_EQ(waiter.handled, 0);
}

TEST_F(WaiterTest, TheEpollSetIsLookedAtWhenTheWaiterSaysSo) {
  waiter.waits = true;
  turn();
  EXPECT_EQ(waiter.handled, 1);
  EXPECT_EQ(counter.events, 0);
  waiter.epoll_ready = true;
  turn();
  EXPECT_EQ(waiter.handled, 2);
  EXPECT_EQ(counter.events, 1);
}

TEST_F(WaiterTest, TheEpollSetIsReadableWhileItHasEvents) {
  pollfd set{.fd = reactor.epoll_fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&set, 1, 0), 1);
  turn();
  EXPECT_EQ(::poll(&set, 1, 0), 0);
}

/// Counts what comes for tokens.
class TokenCounter final : public TokenSink {
 public:
  std::uintptr_t token = 0;
  std::uint32_t events = 0;
  void on_token(std::uintptr_t which, std::uint32_t what) noexcept override {
    token = which;
    events |= what;
  }
};

TEST(ReactorTokens, ADescriptorThatComesBackBringsAFirstEvent) {
  Reactor reactor;
  TokenCounter sink;
  Counter counter;
  const ConnectedPair pair = unix_pair();
  reactor.set_token_sink(&sink);
  ASSERT_TRUE(reactor.add(pair.ours.get(), counter));
  settle(reactor);
  reactor.remove(pair.ours.get());
  send_some(pair.peers, "x");
  settle(reactor);
  EXPECT_EQ(sink.events, 0U);
  ASSERT_TRUE(reactor.add_token(pair.ours.get(), 64));
  settle(reactor);
  EXPECT_EQ(sink.token, 64U);
  EXPECT_NE(sink.events & EPOLLIN, 0U);
  reactor.set_token_sink(nullptr);
}

}  // namespace
}  // namespace limpet::net
