#include "balancing/seat_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "balancing/service.h"
#include "http/head.h"

namespace limpet::balancing {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;

constexpr base::TimePoint kNow{seconds(1000)};

class TestWaiter final : public Waiter {
 public:
  TestWaiter(int name, std::vector<int>& order) : name_(name), order_(&order) {}
  void served(Turn turn) noexcept override {
    order_->push_back(name_);
    got.emplace(std::move(turn));
  }
  void look_again(base::TimePoint at) noexcept override { looks_at = at; }

  std::optional<Turn> got;
  std::optional<base::TimePoint> looks_at;

 private:
  int name_;
  std::vector<int>* order_;
};

class SeatQueueTest : public testing::Test {
 protected:
  SeatQueueTest() {
    settings.queue_timeout = seconds(15);
    settings.capacity = 1;
    settings.sticky.emplace().cookie.emplace().name = "s";
    settings.sticky->on_full = config::LostPolicy::kWait;
    settings.sticky->on_down = config::LostPolicy::kWait;
  }

  std::shared_ptr<const Service> make(const std::vector<std::string>& urls) {
    std::vector<Server> servers;
    for (const std::string& url : urls) {
      Server server;
      server.state = registry.find_or_add("app@file", url);
      server.url = url;
      server.capacity = settings.capacity;
      server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x7f000001), 3000)};
      servers.push_back(std::move(server));
    }
    return std::make_shared<const Service>("app@file", settings, std::move(servers),
                                           registry.service("app@file"));
  }
  ServerState& state(const std::string& url) { return *registry.find_or_add("app@file", url); }
  void fill(const std::string& url) { ASSERT_TRUE(state(url).try_take_seat(SeatKind::kTunnel, 1)); }
  void release(const std::string& url) { state(url).release_seat(SeatKind::kTunnel); }

  /// One more who waits. `cookie`: is bound to the server of this URL.
  TestWaiter& wait(const std::shared_ptr<const Service>& service, int name,
                   const std::string& bound_to = {}) {
    TestWaiter& waiter = *waiters_.emplace_back(std::make_unique<TestWaiter>(name, order));
    waiter.choice.head = bound_to.empty() ? &plain_ : &bound_head(service, bound_to);
    waiter.choice.now = kNow;
    waiter.is_new = bound_to.empty();
    EXPECT_TRUE(queue().join(waiter, service, most));
    return waiter;
  }
  Choice choice() { return {.head = &plain_, .now = kNow}; }
  SeatQueue& queue() { return registry.service("app@file")->queue(); }

  ServerRegistry registry{1};
  config::LoadBalancer settings;
  std::uint32_t most = 1000;
  std::vector<int> order;  // of being served

 private:
  http::RequestHead& bound_head(const std::shared_ptr<const Service>& service, const std::string& url) {
    for (const Server& server : service->servers()) {
      if (server.url != url) continue;
      cookies_.push_back(std::make_unique<std::string>("s=" + server.cookie_value));
    }
    auto& head = *heads_.emplace_back(std::make_unique<http::RequestHead>());
    head.fields.push_back({.name = "Cookie", .value = *cookies_.back(), .id = http::FieldId::kCookie});
    return head;
  }

  http::RequestHead plain_;
  std::vector<std::unique_ptr<std::string>> cookies_;
  std::vector<std::unique_ptr<http::RequestHead>> heads_;
  std::vector<std::unique_ptr<TestWaiter>> waiters_;
};

TEST_F(SeatQueueTest, ServesInTheOrderOfComing) {
  const auto service = make({"http://a", "http://b"});
  fill("http://a");
  fill("http://b");
  for (int i = 0; i < 4; ++i) wait(service, i);
  EXPECT_EQ(service->state().waiting(), 4U);
  release("http://b");
  EXPECT_THAT(order, ElementsAre(0));
  EXPECT_EQ(state("http://b").seats_taken(), 1U) << "the seat is the waiter's at once";
  release("http://a");
  EXPECT_THAT(order, ElementsAre(0, 1));
  EXPECT_EQ(service->state().waiting(), 2U);
}

TEST_F(SeatQueueTest, NobodyNewOvertakes) {
  const auto service = make({"http://a"});
  fill("http://a");
  const TestWaiter& first = wait(service, 0);
  // As if the seat were free for a moment before the queue is served.
  const auto refused = service->choose(choice());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, Refusal::kWait);
  release("http://a");
  ASSERT_TRUE(first.got.has_value());
  EXPECT_EQ(first.got->selected.index, 0U);
}

TEST_F(SeatQueueTest, ASeatThatIsGivenUpGoesToTheNext) {
  const auto service = make({"http://a"});
  fill("http://a");
  TestWaiter& first = wait(service, 0);
  wait(service, 1);
  release("http://a");
  first.got.reset();
  EXPECT_THAT(order, ElementsAre(0, 1));
}

TEST_F(SeatQueueTest, WhoLeavesIsNotServed) {
  const auto service = make({"http://a"});
  fill("http://a");
  TestWaiter& first = wait(service, 0);
  wait(service, 1);
  EXPECT_TRUE(queue().leave(first));
  EXPECT_FALSE(queue().leave(first));
  release("http://a");
  EXPECT_THAT(order, ElementsAre(1));
  EXPECT_EQ(service->state().waiting(), 0U);
}

TEST_F(SeatQueueTest, IsBounded) {
  most = 2;
  const auto service = make({"http://a"});
  fill("http://a");
  wait(service, 0);
  wait(service, 1);
  TestWaiter third(2, order);
  third.choice = choice();
  EXPECT_FALSE(queue().join(third, service, most));
  EXPECT_EQ(service->state().waiting(), 2U);
}

TEST_F(SeatQueueTest, WhoWaitsForOneServerHoldsUpNobodyElse) {
  const auto service = make({"http://a", "http://b"});
  fill("http://a");
  fill("http://b");
  wait(service, 0, "http://a");
  wait(service, 1);
  wait(service, 2);
  EXPECT_EQ(service->state().waiting(), 2U) << "no other server would help the first";
  release("http://b");
  EXPECT_THAT(order, ElementsAre(1));
  release("http://a");
  EXPECT_THAT(order, ElementsAre(1, 0)) << "it came before the third";
  release("http://b");
  EXPECT_THAT(order, ElementsAre(1, 0, 2));
}

TEST_F(SeatQueueTest, ServersThatComeBackServe) {
  const auto service = make({"http://a"});
  state("http://a").set_health(Health::kDown);
  wait(service, 0, "http://a");
  state("http://a").set_health(Health::kUp);
  EXPECT_THAT(order, ElementsAre(0));
  wait(service, 1);
  release("http://a");
  EXPECT_THAT(order, ElementsAre(0, 1));
  state("http://a").set_admin(AdminState::kDraining);
  release("http://a");
  wait(service, 2);
  EXPECT_THAT(order, ElementsAre(0, 1));
  state("http://a").set_admin(AdminState::kReady);
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST_F(SeatQueueTest, TheFirstLooksAgainWhenAnEjectionEnds) {
  const auto service = make({"http://a"});
  ASSERT_TRUE(state("http://a").note_failure(kNow, seconds(10), 1));
  TestWaiter& first = wait(service, 0);
  TestWaiter& second = wait(service, 1);
  EXPECT_EQ(first.looks_at, kNow + seconds(10));
  EXPECT_FALSE(second.looks_at.has_value());
  EXPECT_TRUE(queue().leave(first));
  EXPECT_EQ(second.looks_at, kNow + seconds(10));
  queue().serve(kNow + seconds(9));
  EXPECT_TRUE(order.empty());
  queue().serve(kNow + seconds(10));
  EXPECT_THAT(order, ElementsAre(1));
}

TEST_F(SeatQueueTest, TheServersOfALaterSnapshotServe) {
  settings.scaling.emplace();
  const auto empty = make({});
  const auto refused = empty->choose(choice());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, Refusal::kWait);
  EXPECT_EQ(refused.error().after_wait, Refusal::kNoServer);
  EXPECT_TRUE(empty->is_up(kNow)) << "servers may come";
  const TestWaiter& first = wait(empty, 0);
  wait(empty, 1);
  const auto next = make({"http://a"});
  queue().use(next, kNow);
  EXPECT_THAT(order, ElementsAre(0));
  EXPECT_EQ(first.got->service, next);
  release("http://a");
}

TEST_F(SeatQueueTest, AScaledServiceWaits15SecondsByDefault) {
  settings.queue_timeout.reset();
  EXPECT_EQ(make({})->choose(choice()).error().reason, Refusal::kNoServer);
  settings.scaling.emplace();
  EXPECT_EQ(make({})->choose(choice()).error().wait_timeout, seconds(15));
  settings.queue_timeout = seconds(0);
  EXPECT_EQ(make({})->choose(choice()).error().reason, Refusal::kNoServer);
}

/// Waits on a thread of its own.
class ThreadWaiter final : public Waiter {
 public:
  void served(Turn turn) noexcept override {
    turn_.emplace(std::move(turn));
    served_.store(true);
    served_.notify_one();
  }
  void look_again(base::TimePoint /*at*/) noexcept override {}
  /// Waits for the turn, and until served() has returned.
  Turn take(SeatQueue& queue) {
    served_.wait(false);
    EXPECT_FALSE(queue.leave(*this));
    return std::move(*turn_);
  }

 private:
  std::optional<Turn> turn_;
  std::atomic<bool> served_{false};
};

TEST_F(SeatQueueTest, EightThreadsOverlookNoSeat) {
  constexpr int kRounds = 2000;
  settings.capacity = 2;
  const auto service = make({"http://a"});
  std::atomic<int> inside{0};
  std::atomic<bool> exceeded{false};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < kRounds; ++round) {
        std::optional<Selected> selected;
        if (auto chosen = service->choose(choice())) {
          selected = std::move(*chosen);
        } else {
          ThreadWaiter waiter;
          waiter.choice = choice();
          if (!queue().join(waiter, service, most)) continue;
          selected = waiter.take(queue()).selected;
        }
        if (++inside > 2) exceeded = true;
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(service->state().waiting(), 0U);
  EXPECT_EQ(state("http://a").seats_taken(), 0U);
}

}  // namespace
}  // namespace limpet::balancing
