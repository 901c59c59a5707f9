#include "scaling/policy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace limpet::scaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr base::TimePoint kNow{std::chrono::hours(10)};

/// A service with its past, moved by hand.
class Pool {
 public:
  Settings settings{.min = 1, .max = 20, .capacity = 100, .target = 0.8};
  std::vector<Server> servers;
  History history;
  std::uint32_t waiting = 0;
  double arrivals = 0;
  base::Duration start_time = seconds(2);
  base::TimePoint now = kNow;

  /// Later ones are younger.
  Server& add(std::string id, Phase phase, std::uint32_t connections) {
    const base::TimePoint started = kNow - minutes(60) + seconds(servers.size());
    return servers.emplace_back(Server{.id = std::move(id),
                                       .phase = phase,
                                       .connections = connections,
                                       .started_at = started,
                                       .drain_since = kNow - minutes(1)});
  }
  void add_ready(std::uint32_t count, std::uint32_t connections) {
    for (std::uint32_t i = 0; i < count; ++i) {
      add(fmt::format("r{}", servers.size()), Phase::kReady, connections);
    }
  }
  [[nodiscard]] Decision decide() const {
    return scaling::decide(
        settings, {.servers = servers, .waiting = waiting, .arrivals = arrivals, .start_time = start_time},
        history, now);
  }
  /// Decides each interval for so long and does nothing of it; the last decision.
  Decision pass(base::Duration time) {
    const base::TimePoint end = now + time;
    Decision decision = decide();
    while (now < end) {
      decision.drain.clear();
      decision.launch = 0;
      history.note(settings, decision, now);
      now += settings.interval;
      decision = decide();
    }
    return decision;
  }
};

TEST(Policy, SaysWhatItWantsAndWhy) {
  Pool pool;
  pool.settings.capacity = 800;
  pool.settings.target = 0.7;
  pool.settings.headroom = 0;
  pool.start_time = milliseconds(1900);
  pool.arrivals = 94.7;
  pool.add_ready(3, 770);
  const Decision decision = pool.decide();
  EXPECT_EQ(decision.wanted, 5U);
  EXPECT_EQ(decision.launch, 2U);
  EXPECT_EQ(decision.why,
            "want 5: 2,310 active + 180 arriving over 1.9 s start / (800 × 0.7); 3 ready: launch 2");
}

TEST(Policy, NothingToDoIsSaidToo) {
  Pool pool;
  pool.add_ready(2, 60);
  EXPECT_FALSE(pool.decide().acts());
  EXPECT_EQ(pool.decide().why, "want 2: 120 active / (100 × 0.8); 2 ready: nothing to do");
}

TEST(Policy, FreeSeatsAreKeptBesidesTheTarget) {
  Pool pool;
  pool.add_ready(1, 60);  // 60 % of the seats, but 40 free and not half a server's
  EXPECT_EQ(pool.decide().wanted, 2U);
  EXPECT_EQ(pool.decide().why, "want 2: 60 active + 50 free / 100; 1 ready: launch 1");
  pool.settings.headroom = 40;
  EXPECT_EQ(pool.decide().wanted, 1U);
  pool.settings.headroom = 41;
  EXPECT_EQ(pool.decide().wanted, 2U);
}

TEST(Policy, ReservedSeatsCount) {
  Pool pool;
  pool.settings.headroom = 0;
  pool.add_ready(1, 50);
  pool.servers[0].reserved = 31;
  EXPECT_EQ(pool.decide().wanted, 2U);
}

TEST(Policy, ExactTargetNeedsNoMoreServer) {
  Pool pool;
  pool.settings.headroom = 0;
  pool.settings.target = 0.7;  // 0.7 * 100 is a little less than 70
  pool.add_ready(1, 70);
  EXPECT_EQ(pool.decide().wanted, 1U);
}

TEST(Policy, StartingServersAreNotLaunchedTwice) {
  Pool pool;
  pool.add_ready(1, 90);
  pool.add("new", Phase::kStarting, 0);
  EXPECT_EQ(pool.decide().wanted, 2U);
  EXPECT_EQ(pool.decide().launch, 0U);
}

TEST(Policy, DrainingServersAreTakenBackFullestFirst) {
  Pool pool;
  pool.add_ready(2, 100);
  pool.add("few", Phase::kDraining, 5);
  pool.add("many", Phase::kDraining, 40);
  pool.add("some", Phase::kDraining, 20);
  const Decision one = pool.decide();
  EXPECT_EQ(one.wanted, 3U);
  EXPECT_THAT(one.undrain, ElementsAre("many"));
  EXPECT_EQ(one.launch, 0U);
  pool.waiting = 150;
  const Decision all = pool.decide();
  EXPECT_EQ(all.wanted, 5U);
  EXPECT_THAT(all.undrain, ElementsAre("many", "some", "few"));
  EXPECT_EQ(all.launch, 0U);
}

TEST(Policy, WhatAPersonDrainsStaysDrained) {
  Pool pool;
  pool.add_ready(2, 100);
  pool.add("repaired", Phase::kDraining, 40).may_return = false;
  const Decision decision = pool.decide();
  EXPECT_THAT(decision.undrain, IsEmpty());
  EXPECT_EQ(decision.launch, 1U);
}

TEST(Policy, ServersPastTheirDeadlineAreNotTakenBack) {
  Pool pool;
  pool.settings.drain_deadline = minutes(1);
  pool.add_ready(2, 100);
  pool.add("closing", Phase::kDraining, 40);
  const Decision decision = pool.decide();
  EXPECT_THAT(decision.undrain, IsEmpty());
  EXPECT_EQ(decision.wanted, 3U);  // whoever is closed comes back
  EXPECT_THAT(decision.why, HasSubstr("200 active + 40 about to move / (100 × 0.8)"));
}

TEST(Policy, LaunchesAreLimitedByBurstAndMax) {
  Pool pool;
  pool.add_ready(2, 100);
  pool.waiting = 1'000;
  const Decision first = pool.decide();
  EXPECT_EQ(first.wanted, 15U);
  EXPECT_EQ(first.launch, 4U);
  EXPECT_THAT(first.why, EndsWith("launch 4, 9 more later, the burst is used up"));
  pool.history.note(pool.settings, first, pool.now);
  pool.now += seconds(5);
  EXPECT_EQ(pool.decide().launch, 0U);
  pool.now += seconds(10);
  EXPECT_EQ(pool.decide().launch, 4U);
  pool.settings.max = 3;
  EXPECT_EQ(pool.decide().wanted, 3U);
  EXPECT_EQ(pool.decide().launch, 1U);
}

TEST(Policy, DrainingServersCountAgainstMax) {
  Pool pool;
  pool.settings.max = 3;
  pool.add_ready(2, 100);
  pool.add("repaired", Phase::kDraining, 40).may_return = false;
  EXPECT_EQ(pool.decide().launch, 0U);
  EXPECT_THAT(pool.decide().why, EndsWith("1 more would be above max 3"));
}

TEST(Policy, DeadServersAreReplaced) {
  Pool pool;
  pool.settings.min = 3;
  pool.add_ready(2, 10);
  pool.add("gone", Phase::kDead, 90);
  EXPECT_EQ(pool.decide().launch, 1U);
}

TEST(Policy, FailedLaunchesWaitTwiceAsLongEachTime) {
  Pool pool;
  pool.settings.min = 2;
  pool.add_ready(1, 10);
  for (const seconds pause : {seconds(5), seconds(10), seconds(20), seconds(40), seconds(80), seconds(160),
                              seconds(300), seconds(300)}) {
    pool.history.launch_failed(pool.settings, pool.now);
    EXPECT_EQ(pool.decide().launch, 0U);
    EXPECT_THAT(pool.decide().why,
                EndsWith(fmt::format("1 more in {} s since a launch failed", pause.count())));
    pool.now += pause - milliseconds(1);
    EXPECT_EQ(pool.decide().launch, 0U);
    pool.now += milliseconds(1);
    EXPECT_EQ(pool.decide().launch, 1U);
  }
  pool.history.launch_failed(pool.settings, pool.now);
  pool.history.launch_succeeded();
  EXPECT_EQ(pool.decide().launch, 1U);
  EXPECT_EQ(pool.history.failures(), 0U);
}

TEST(Policy, ScaleInWaitsForTheWholeWindow) {
  Pool pool;
  pool.add_ready(4, 20);
  EXPECT_THAT(pool.pass(seconds(295)).drain, IsEmpty());
  const Decision decision = pool.pass(seconds(5));
  EXPECT_EQ(decision.wanted, 2U);
  EXPECT_EQ(decision.drain.size(), 1U);
  EXPECT_EQ(decision.why, "want 2: 80 active + 50 free / 100; 4 ready: drain 1");
}

TEST(Policy, ASurgeIsRememberedForTheWindow) {
  Pool pool;
  pool.add_ready(4, 20);
  ASSERT_EQ(pool.pass(seconds(300)).drain.size(), 1U);
  pool.waiting = 240;
  pool.pass(seconds(5));
  pool.waiting = 0;
  const Decision after = pool.decide();
  EXPECT_THAT(after.drain, IsEmpty());
  EXPECT_EQ(
      after.why,
      "want 2: 80 active + 50 free / 100; 4 ready: nothing to do, 4 kept for what was needed within 5m0s");
  EXPECT_THAT(pool.pass(seconds(295)).drain, IsEmpty());
  EXPECT_EQ(pool.pass(seconds(10)).drain.size(), 1U);
}

TEST(Policy, TheVictimHasTheFewestUsersThenIsTheYoungest) {
  Pool pool;
  pool.add("old", Phase::kReady, 3);
  pool.add("full", Phase::kReady, 60);
  pool.add("young", Phase::kReady, 3);
  pool.add("held", Phase::kReady, 0).reserved = 4;
  EXPECT_THAT(pool.pass(seconds(300)).drain, ElementsAre("young"));
  pool.servers[3].reserved = 2;
  EXPECT_THAT(pool.decide().drain, ElementsAre("held"));
}

TEST(Policy, ScaleInGoesInSteps) {
  Pool pool;
  pool.settings.max = 50;
  pool.add_ready(40, 1);
  const Decision first = pool.pass(seconds(300));
  EXPECT_EQ(first.drain.size(), 4U);
  pool.history.note(pool.settings, first, pool.now);
  pool.now += seconds(5);
  EXPECT_THAT(pool.decide().drain, IsEmpty());
  pool.now += seconds(10);
  EXPECT_EQ(pool.decide().drain.size(), 4U);
}

TEST(Policy, NothingDrainsWhileAServerStartsOrAUserWaits) {
  Pool pool;
  pool.add_ready(6, 5);
  ASSERT_FALSE(pool.pass(seconds(300)).drain.empty());
  pool.waiting = 1;
  EXPECT_THAT(pool.decide().drain, IsEmpty());
  pool.waiting = 0;
  pool.add("new", Phase::kStarting, 0);
  EXPECT_THAT(pool.decide().drain, IsEmpty());
  EXPECT_THAT(pool.decide().why, EndsWith("none drains while one starts"));
}

TEST(Policy, SmallSurplusesAreLeftAlone) {
  Pool pool;
  pool.settings.max = 50;
  pool.settings.headroom = 0;
  pool.settings.tolerance = 0.1;
  pool.add_ready(40, 74);  // 2,960 users want 37
  const Decision decision = pool.pass(seconds(300));
  EXPECT_EQ(decision.kept, 37U);
  EXPECT_THAT(decision.drain, IsEmpty());
  EXPECT_THAT(decision.why, EndsWith("3 too many, left for now"));
  for (Server& server : pool.servers) server.connections = 72;  // 36
  EXPECT_EQ(pool.pass(seconds(305)).drain.size(), 4U);
}

TEST(Policy, UsersOfDrainingServersAreNotForgottenWhenScalingIn) {
  Pool pool;
  pool.settings.headroom = 0;
  pool.add_ready(4, 60);  // 240 users want 3 servers
  for (int i = 0; i < 2; ++i) pool.add(fmt::format("d{}", i), Phase::kDraining, 40).may_return = false;
  const Decision decision = pool.pass(seconds(300));
  EXPECT_EQ(decision.wanted, 3U);
  EXPECT_EQ(decision.kept, 4U);  // 320 users
  EXPECT_THAT(decision.drain, IsEmpty());
}

TEST(Policy, EmptyDrainingServersAreStopped) {
  Pool pool;
  pool.add_ready(1, 10);
  pool.add("empty", Phase::kDraining, 0);
  pool.add("used", Phase::kDraining, 1);
  pool.add("promised", Phase::kDraining, 0).reserved = 1;
  const Decision decision = pool.decide();
  EXPECT_THAT(decision.stop, ElementsAre("empty"));
  EXPECT_THAT(decision.close, IsEmpty());
}

TEST(Policy, AtTheDeadlineUsersAreClosedInAWindowThenTheServerIsStopped) {
  Pool pool;
  pool.settings.drain_deadline = minutes(30);
  pool.add_ready(1, 10);
  const base::TimePoint since = pool.add("d", Phase::kDraining, 7).drain_since;
  pool.now = since + minutes(30) - milliseconds(1);
  EXPECT_FALSE(pool.decide().acts());
  pool.now = since + minutes(30);
  const ClosePlan plan{
      .id = "d", .connections = 7, .begin = pool.now, .end = pool.now + pool.settings.close_window};
  EXPECT_THAT(pool.decide().close, ElementsAre(plan));
  EXPECT_THAT(pool.decide().stop, IsEmpty());
  EXPECT_THAT(pool.decide().why, EndsWith("close users of 1"));
  pool.now = plan.end + pool.settings.close_slack;
  EXPECT_THAT(pool.decide().close, IsEmpty());
  EXPECT_THAT(pool.decide().stop, ElementsAre("d"));
}

TEST(Policy, WithoutADeadlineADrainNeverCuts) {
  Pool pool;
  pool.add_ready(1, 10);
  pool.add("d", Phase::kDraining, 1);
  pool.now += std::chrono::hours(1'000);
  EXPECT_THAT(pool.decide().close, IsEmpty());
  EXPECT_THAT(pool.decide().stop, IsEmpty());
}

TEST(Policy, FromZeroAndBack) {
  Pool pool;
  pool.settings.min = 0;
  EXPECT_EQ(pool.decide().wanted, 0U);
  EXPECT_FALSE(pool.decide().acts());
  EXPECT_EQ(pool.decide().why, "want 0: 0 active / (100 × 0.8); 0 ready: nothing to do");
  pool.waiting = 1;
  EXPECT_EQ(pool.decide().launch, 1U);
  pool.waiting = 230;
  EXPECT_EQ(pool.decide().launch, 3U);
  pool.waiting = 0;
  pool.add_ready(1, 1);
  EXPECT_THAT(pool.pass(minutes(10)).drain, IsEmpty());
  pool.servers[0].connections = 0;
  pool.arrivals = 0.01;  // an average does not become zero
  EXPECT_THAT(pool.decide().drain, IsEmpty());
  EXPECT_THAT(pool.pass(seconds(305)).drain, ElementsAre("r0"));
}

TEST(Policy, ChecksItsSettings) {
  EXPECT_TRUE(check(Settings{}).has_value());
  const auto problem = [](auto&& change) {
    Settings settings;
    change(settings);
    const auto checked = check(settings);
    return checked ? std::string() : checked.error();
  };
  EXPECT_THAT(problem([](Settings& s) { s.capacity = 0; }), HasSubstr("capacity"));
  EXPECT_THAT(problem([](Settings& s) { s.max = 0; }), HasSubstr("max"));
  EXPECT_EQ(problem([](Settings& s) { s.min = 11; }), "min 11 is above max 10");
  EXPECT_THAT(problem([](Settings& s) { s.target = 1.1; }), HasSubstr("target 1.1"));
  EXPECT_THAT(problem([](Settings& s) { s.soft = 0; }), HasSubstr("soft 0"));
  EXPECT_THAT(problem([](Settings& s) { s.tolerance = 1; }), HasSubstr("tolerance"));
  EXPECT_THAT(problem([](Settings& s) { s.interval = {}; }), HasSubstr("interval"));
  EXPECT_THAT(problem([](Settings& s) { s.out = {.at_least = 0, .share = 0}; }), HasSubstr("launch"));
}

TEST(CloseOffsets, AreSpreadOverTheWindow) {
  const auto offsets = close_offsets(200, seconds(120), 7);
  ASSERT_EQ(offsets.size(), 200U);
  base::Duration before{};
  for (const base::Duration at : offsets) {
    EXPECT_GE(at - before, milliseconds(300));
    EXPECT_LE(at - before, milliseconds(600));
    before = at;
  }
  EXPECT_LE(before, seconds(120));
  EXPECT_EQ(close_offsets(200, seconds(120), 7), offsets);
  EXPECT_NE(close_offsets(200, seconds(120), 8), offsets);
  EXPECT_LE(close_offsets(1, seconds(120), 7).front(), seconds(1));
  EXPECT_TRUE(close_offsets(0, seconds(120), 7).empty());
}

}  // namespace
}  // namespace limpet::scaling
