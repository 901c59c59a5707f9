#include "scaling/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "fake_driver.h"

namespace limpet::scaling {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// A pool of servers with ten seats each, in virtual time.
class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    auto made = std::make_unique<FakeDriver>(pool);
    driver = made.get();
    pool.set_driver(std::move(made));
    settings.capacity = 10;
    config::Scaling& scaling = settings.scaling.emplace();
    scaling.max = 4;
    scaling.headroom = 2;
    scaling.interval = 1s;
    scaling.stabilisation = 10s;
    scaling.process.emplace().command = "a";
    EXPECT_TRUE(pool.configure(settings));
  }

  /// Time goes by, in tenths of a second.
  void pass(base::Duration time) {
    for (const base::TimePoint end = now + time; now < end; now += 100ms) pool.glance(now);
  }
  /// One server, ready and proven.
  void begin() {
    pass(200ms);
    driver->make_ready("s1");
    pass(6s);
  }
  /// Two servers, of which s2, with one user, is needed no more.
  void begin_with_one_too_many() {
    begin();
    connect("s1", 9);
    pass(2s);
    driver->make_ready("s2");
    connect("s2", 1);
    pass(1s);
    disconnect("s1", 7);
    pass(15s);
    EXPECT_EQ(state("s2").admin(), balancing::AdminState::kDraining);
  }
  void connect(const std::string& url, int users) {
    for (int i = 0; i < users; ++i) EXPECT_TRUE(state(url).try_take_seat(balancing::SeatKind::kTunnel, 10));
  }
  void disconnect(const std::string& url, int users) {
    for (int i = 0; i < users; ++i) state(url).release_seat(balancing::SeatKind::kTunnel);
  }
  balancing::ServerState& state(const std::string& url) { return *host.server_state("app@file", url); }
  PoolView view() { return pool.view(now); }

  FakeHost host;
  Pool pool{"app@file", host};
  FakeDriver* driver = nullptr;
  config::LoadBalancer settings;
  base::TimePoint now = base::TimePoint{} + 1h;
};

TEST_F(PoolTest, LaunchesTheLeastAndLetsAServerInWhenItIsReady) {
  pass(3s);
  EXPECT_EQ(driver->launched, 1U);
  EXPECT_THAT(host.published, IsEmpty());
  driver->make_ready("s1");
  pass(100ms);
  EXPECT_THAT(host.published, ElementsAre("s1"));
  EXPECT_EQ(view().ready, 1U);
}

TEST_F(PoolTest, GrowsAtOnceWhenAServerIsFull) {
  begin();
  connect("s1", 10);
  pass(200ms);
  EXPECT_EQ(driver->launched, 2U);
  EXPECT_THAT(view().decisions.back().why, HasSubstr("launch 1"));
}

TEST_F(PoolTest, GrowsAtOnceWhenUsersWait) {
  begin();
  host.now.waiting = 15;
  pass(200ms);
  EXPECT_EQ(driver->launched, 2U);
}

TEST_F(PoolTest, DrainsAndStopsWithTheLastUserOnly) {
  begin_with_one_too_many();
  EXPECT_THAT(host.published, UnorderedElementsAre("s1", "s2"));
  pass(1h);
  EXPECT_EQ(driver->find("s2").state, DrivenServer::State::kReady);
  disconnect("s2", 1);
  pass(1200ms);
  EXPECT_THAT(host.published, ElementsAre("s1"));
  pass(Pool::kLeave);
  EXPECT_EQ(driver->find("s2").state, DrivenServer::State::kStopping);
}

TEST_F(PoolTest, SparesAServerThatAUserComesBackToInTheLastMoment) {
  begin_with_one_too_many();
  disconnect("s2", 1);
  while (host.published.size() == 2) pass(100ms);
  connect("s2", 1);
  pass(1s);
  EXPECT_THAT(host.published, UnorderedElementsAre("s1", "s2"));
  EXPECT_EQ(driver->find("s2").state, DrivenServer::State::kReady);
}

TEST_F(PoolTest, TakesADrainingServerBackWhenDemandRises) {
  begin_with_one_too_many();
  connect("s1", 8);
  pass(1s);
  EXPECT_EQ(state("s2").admin(), balancing::AdminState::kReady);
  EXPECT_EQ(driver->launched, 2U);
  EXPECT_EQ(view().taken_back, 1U);
}

TEST_F(PoolTest, LeavesToPeopleWhatPeopleDrained) {
  begin();
  state("s1").set_admin(balancing::AdminState::kDraining);
  connect("s1", 1);
  pass(2s);
  EXPECT_EQ(driver->launched, 2U);
  EXPECT_EQ(state("s1").admin(), balancing::AdminState::kDraining);
}

TEST_F(PoolTest, ClosesWhoIsLeftAtTheDeadline) {
  settings.scaling->drain = 20s;
  settings.scaling->close_window = 10s;
  ASSERT_TRUE(pool.configure(settings));
  begin_with_one_too_many();
  EXPECT_THAT(host.closing, IsEmpty());
  pass(20s);
  EXPECT_THAT(host.closing, ElementsAre("s2"));
  EXPECT_EQ(view().closed, 1U);
  // A server whose user does not go is stopped after the window and its slack.
  pass(25s);
  EXPECT_EQ(driver->find("s2").state, DrivenServer::State::kStopping);
}

TEST_F(PoolTest, ReplacesALostServerAndWaitsLongerEachTimeIfThatFails) {
  begin();
  driver->end("s1", false, "killed by SIGKILL");
  pass(200ms);
  EXPECT_EQ(driver->launched, 2U);
  EXPECT_EQ(view().trouble, "killed by SIGKILL");
  driver->fail_launch("s2");
  pass(4s);
  EXPECT_EQ(driver->launched, 2U);
  EXPECT_THAT(view().decisions.back().why, HasSubstr("since a launch failed"));
  pass(3s);
  EXPECT_EQ(driver->launched, 3U);
  driver->fail_launch("s3");
  pass(9s);
  EXPECT_EQ(driver->launched, 3U);
  EXPECT_EQ(view().failures, 2U);
  pass(3s);
  driver->make_ready("s4");
  // One that dies young is a failure too.
  pass(1s);
  driver->end("s4", false);
  EXPECT_EQ(view().failures, 3U);
  pass(25s);
  driver->make_ready("s5");
  pass(Pool::kProven + 1s);
  EXPECT_EQ(view().failures, 0U);
}

TEST_F(PoolTest, ReplacesServersOfAnEarlierCommandOnceOthersAreReady) {
  settings.scaling->min = 2;
  ASSERT_TRUE(pool.configure(settings));
  pass(200ms);
  driver->make_ready("s1");
  driver->make_ready("s2");
  connect("s1", 1);
  pass(6s);
  settings.scaling->process->command = "b";
  ASSERT_TRUE(pool.configure(settings));
  pass(1s);
  EXPECT_EQ(driver->launched, 4U);
  driver->make_ready("s3");
  pass(2s);
  EXPECT_EQ(state("s1").admin(), balancing::AdminState::kReady);
  driver->make_ready("s4");
  pass(3s);
  EXPECT_EQ(state("s1").admin(), balancing::AdminState::kDraining);
  EXPECT_EQ(driver->find("s2").state, DrivenServer::State::kStopping);
  EXPECT_THAT(host.published, UnorderedElementsAre("s1", "s3", "s4"));
  disconnect("s1", 1);
  pass(3s);
  EXPECT_THAT(host.published, UnorderedElementsAre("s3", "s4"));
}

TEST_F(PoolTest, FollowsPeopleUntilTheyTakeItBack) {
  begin();
  EXPECT_TRUE(pool.change({.min = 3}));
  pass(200ms);
  EXPECT_EQ(driver->launched, 3U);
  EXPECT_FALSE(pool.change({.min = 9}));
  EXPECT_FALSE(pool.change({.command = "a 'b"}));
  EXPECT_TRUE(pool.change({.min = 4, .paused = true}));
  pass(5s);
  EXPECT_EQ(driver->launched, 3U);
  EXPECT_TRUE(pool.change({}));
  EXPECT_EQ(view().min, 1U);
}

TEST_F(PoolTest, EndsWithItsUsersWhenTheServiceIsScaledNoMore) {
  begin();
  connect("s1", 1);
  pool.retire();
  pass(10s);
  EXPECT_EQ(driver->find("s1").state, DrivenServer::State::kReady);
  disconnect("s1", 1);
  pass(1s);
  EXPECT_EQ(driver->find("s1").state, DrivenServer::State::kStopping);
  driver->end("s1", true);
  EXPECT_TRUE(pool.is_over());
}

}  // namespace
}  // namespace limpet::scaling
