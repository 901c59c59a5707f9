#include "balancing/strategies.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>
#include <thread>

#include "base/hash.h"

namespace limpet::balancing {
namespace {

using config::Strategy;
using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;

constexpr base::TimePoint kNow{seconds(1000)};

constexpr std::uint64_t kNewest = 10'000;

/// Servers with a picker over them, the last one the oldest, as a service would have.
class Pool {
 public:
  Pool(Strategy strategy, const std::vector<std::uint32_t>& weights, std::uint32_t capacity = 0) {
    std::vector<Candidate> candidates;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
      const std::string url = fmt::format("http://10.0.{}.{}:3000", i / 256, i % 256);
      states_.push_back(std::make_unique<ServerState>("s@file", url, 1, kNewest - i));
      if (weights[i] == 0) continue;
      candidates.push_back({.state = states_.back().get(),
                            .server = i,
                            .weight = weights[i],
                            .capacity = capacity,
                            .hrw_seed = base::fnv1a_64(url)});
    }
    picker_ = std::make_unique<Picker>(strategy, std::move(candidates), base::fnv1a_64("s@file"));
  }

  ServerState& operator[](std::size_t i) { return *states_[i]; }
  [[nodiscard]] const Picker& picker() const { return *picker_; }
  [[nodiscard]] std::size_t size() const { return states_.size(); }

  [[nodiscard]] std::expected<Picked, PickFailure> pick(const Newcomer& newcomer = {.now = kNow}) const {
    return picker_->pick(newcomer);
  }
  /// Picks and gives the seat back.
  [[nodiscard]] std::uint32_t visit(const Newcomer& newcomer = {.now = kNow}) const {
    const auto picked = pick(newcomer);
    EXPECT_TRUE(picked.has_value());
    return picked ? picked->server : 999'999;
  }
  /// How often each server is chosen in `times` visits.
  [[nodiscard]] std::vector<int> visits(int times) const {
    std::vector<int> counts(states_.size());
    for (int i = 0; i < times; ++i) ++counts.at(visit());
    return counts;
  }

 private:
  std::vector<std::unique_ptr<ServerState>> states_;
  std::unique_ptr<Picker> picker_;
};

constexpr std::array kAllStrategies = {Strategy::kWrr, Strategy::kLeastConn, Strategy::kP2c,
                                       Strategy::kHrw, Strategy::kPack,      Strategy::kSpread};

Newcomer client(std::uint32_t address) {
  return {.client = net::IpAddress::from_v4(address), .now = kNow};
}

TEST(SmoothSchedule, SpreadsAsNginxDoes) {
  const auto schedule = [](std::vector<std::uint32_t> weights) { return smooth_schedule(weights); };
  EXPECT_THAT(schedule({5, 1, 1}), ElementsAre(0, 0, 1, 0, 2, 0, 0));
  EXPECT_THAT(schedule({1, 1, 1}), ElementsAre(0, 1, 2));
  EXPECT_THAT(schedule({10, 10}), ElementsAre(0, 1));
  EXPECT_THAT(schedule({0, 3, 0}), ElementsAre(1));
  EXPECT_THAT(schedule({100, 300}), ElementsAre(1, 0, 1, 1));
  EXPECT_THAT(schedule({}), ElementsAre());
  EXPECT_THAT(schedule({0, 0}), ElementsAre());
}

TEST(SmoothSchedule, IsWhatTheTextbookAlgorithmGives) {
  EXPECT_TRUE(rc::check("same sequence, any weights", [] {
    const auto weights = *rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0U, 12U));
    std::vector<std::int64_t> reduced(weights.begin(), weights.end());
    const auto divisor = std::accumulate(reduced.begin(), reduced.end(), std::int64_t{0},
                                         [](std::int64_t a, std::int64_t b) { return std::gcd(a, b); });
    if (divisor > 1) std::ranges::for_each(reduced, [divisor](std::int64_t& weight) { weight /= divisor; });
    const std::int64_t total = std::accumulate(reduced.begin(), reduced.end(), std::int64_t{0});

    std::vector<std::int64_t> credits(reduced.size());
    std::vector<std::uint32_t> expected;
    for (std::int64_t pick = 0; pick < total; ++pick) {
      for (std::size_t i = 0; i < reduced.size(); ++i) credits[i] += reduced[i];
      std::size_t best = reduced.size();
      for (std::size_t i = 0; i < reduced.size(); ++i) {
        if (reduced[i] != 0 && (best == reduced.size() || credits[i] > credits[best])) best = i;
      }
      credits[best] -= total;
      expected.push_back(static_cast<std::uint32_t>(best));
    }
    RC_ASSERT(smooth_schedule(weights) == expected);
  }));
}

TEST(SmoothSchedule, BoundsThePeriodAndLeavesNobodyOut) {
  const std::vector<std::uint32_t> weights = {4'000'000'000, 1'999'999'999, 1, 7};
  const std::vector<std::uint32_t> schedule = smooth_schedule(weights, 1000);
  EXPECT_LE(schedule.size(), 1002U);
  std::vector<int> counts(weights.size());
  for (const std::uint32_t i : schedule) ++counts[i];
  EXPECT_NEAR(counts[0], 666, 2);
  EXPECT_NEAR(counts[1], 333, 2);
  EXPECT_EQ(counts[2], 1);
  EXPECT_EQ(counts[3], 1);

  std::vector<std::uint32_t> many(5000);
  std::iota(many.begin(), many.end(), 1U);
  EXPECT_LE(smooth_schedule(many).size(), kMaxSchedulePeriod + many.size());
}

TEST(Wrr, IsExactOverAPeriodAndInOrder) {
  const Pool pool(Strategy::kWrr, {5, 1, 1});
  for (int period = 0; period < 3; ++period) {
    std::vector<std::uint32_t> sequence(7);
    std::ranges::generate(sequence, [&] { return pool.visit(); });
    EXPECT_THAT(sequence, ElementsAre(0, 0, 1, 0, 2, 0, 0));
  }
}

TEST(Wrr, SharesTheUsersOfADownServerByWeight) {
  Pool pool(Strategy::kWrr, {3, 1, 1, 1});
  pool[2].set_health(Health::kDown);
  EXPECT_THAT(pool.visits(500), ElementsAre(300, 100, 0, 100));
  pool[2].set_health(Health::kUp);
  EXPECT_THAT(pool.visits(600), ElementsAre(300, 100, 100, 100));
}

TEST(Wrr, IsExactUnderEightThreads) {
  const Pool pool(Strategy::kWrr, {3, 2, 1});
  std::array<std::atomic<int>, 3> counts{};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1500; ++i) ++counts.at(pool.visit());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts[0], 6000);
  EXPECT_EQ(counts[1], 4000);
  EXPECT_EQ(counts[2], 2000);
}

TEST(Wrr, FindsTheFewThatAreUpAmongThousands) {
  Pool pool(Strategy::kWrr, std::vector<std::uint32_t>(5000, 1));
  for (std::size_t i = 0; i < pool.size(); ++i) pool[i].set_health(Health::kDown);
  pool[4000].set_health(Health::kUp);
  pool[4001].set_health(Health::kUp);
  const std::vector<int> counts = pool.visits(2000);
  EXPECT_EQ(counts[4000] + counts[4001], 2000);
  EXPECT_NEAR(counts[4000], 1000, 150);
}

TEST(LeastConn, TakesTheServerWithFewestSeatsPerWeight) {
  Pool pool(Strategy::kLeastConn, {1, 2, 1});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pool[0].try_take_seat(SeatKind::kTunnel, 0));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(pool[1].try_take_seat(SeatKind::kTunnel, 0));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool[2].try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_EQ(pool.visit(), 1U);  // 4, 2.5, 3
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(pool[1].try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_EQ(pool.visit(), 2U);  // 4, 4, 3
  pool[2].set_health(Health::kDown);
  EXPECT_THAT((std::array{pool.visit(), pool.visit()}), testing::UnorderedElementsAre(0, 1));
}

TEST(LeastConn, EqualsTakeTurns) {
  Pool pool(Strategy::kLeastConn, {1, 1, 1, 1});
  EXPECT_THAT(pool.visits(400), Each(100));
  ASSERT_TRUE(pool[1].try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_THAT(pool.visits(300), ElementsAre(100, 0, 100, 100));
}

TEST(LeastConn, LevelsWhatItIsGiven) {
  EXPECT_TRUE(rc::check("seats per weight differ by at most one seat", [] {
    const auto weights =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(1U, 5U)));
    const auto users = *rc::gen::inRange(1, 200);
    Pool pool(Strategy::kLeastConn, weights);
    std::vector<Picked> held;
    for (int i = 0; i < users; ++i) held.push_back(*pool.pick());
    for (std::size_t a = 0; a < weights.size(); ++a) {
      for (std::size_t b = 0; b < weights.size(); ++b) {
        // Nobody would have been better off elsewhere.
        RC_ASSERT((pool[a].seats_taken() - (pool[a].seats_taken() == 0 ? 0U : 1U)) * weights[b] <=
                  pool[b].seats_taken() * weights[a]);
      }
    }
  }));
}

TEST(P2c, KeepsTheLoadEven) {
  Pool pool(Strategy::kP2c, std::vector<std::uint32_t>(20, 1));
  std::vector<Picked> held;
  for (int i = 0; i < 2000; ++i) held.push_back(*pool.pick());
  for (std::size_t i = 0; i < pool.size(); ++i) EXPECT_NEAR(pool[i].seats_taken(), 100, 8) << i;
}

TEST(P2c, HeedsWeights) {
  Pool pool(Strategy::kP2c, {1, 3});
  std::vector<Picked> held;
  for (int i = 0; i < 400; ++i) held.push_back(*pool.pick());
  EXPECT_NEAR(pool[0].seats_taken(), 100, 2);
}

TEST(P2c, NeverTakesTheMoreLoadedOfTwo) {
  Pool pool(Strategy::kP2c, {1, 1});
  ASSERT_TRUE(pool[0].try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_THAT(pool.visits(100), ElementsAre(0, 100));
}

TEST(P2c, FindsTheOnlyOneUp) {
  Pool pool(Strategy::kP2c, std::vector<std::uint32_t>(300, 1));
  for (std::size_t i = 1; i < pool.size(); ++i) pool[i].set_health(Health::kDown);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.visit(), 0U);
  Pool single(Strategy::kP2c, {1});
  EXPECT_EQ(single.visit(), 0U);
}

TEST(Hrw, AClientKeepsItsServer) {
  const Pool pool(Strategy::kHrw, std::vector<std::uint32_t>(10, 1));
  const Pool same(Strategy::kHrw, std::vector<std::uint32_t>(10, 1));
  EXPECT_TRUE(rc::check("every time, on every replica", [&](std::uint32_t address) {
    const std::uint32_t server = pool.visit(client(address));
    RC_ASSERT(pool.visit(client(address)) == server);
    RC_ASSERT(same.visit(client(address)) == server);
  }));
}

TEST(Hrw, LosingAServerMovesItsClientsOnly) {
  EXPECT_TRUE(rc::check("whatever server goes", [] {
    const auto count = *rc::gen::inRange<std::size_t>(2, 20);
    const auto lost = *rc::gen::inRange<std::size_t>(0, count);
    const auto weighted = *rc::gen::arbitrary<bool>();
    std::vector<std::uint32_t> weights(count, 1);
    if (weighted) weights[0] = 4;
    Pool pool(Strategy::kHrw, weights);
    std::vector<std::uint32_t> before;
    for (std::uint32_t i = 0; i < 200; ++i) before.push_back(pool.visit(client(i * 7919)));
    pool[lost].set_health(Health::kDown);
    for (std::uint32_t i = 0; i < 200; ++i) {
      const std::uint32_t after = pool.visit(client(i * 7919));
      if (before[i] == lost) {
        RC_ASSERT(after != lost);
      } else {
        RC_ASSERT(after == before[i]);
      }
    }
  }));
}

TEST(Hrw, AddingAServerMovesItsShareOfTheClients) {
  constexpr std::uint32_t kClients = 20'000;
  const Pool ten(Strategy::kHrw, std::vector<std::uint32_t>(10, 1));
  const Pool eleven(Strategy::kHrw, std::vector<std::uint32_t>(11, 1));
  int moved = 0;
  for (std::uint32_t i = 0; i < kClients; ++i) {
    const std::uint32_t after = eleven.visit(client(i));
    if (ten.visit(client(i)) == after) continue;
    EXPECT_EQ(after, 10U);
    ++moved;
  }
  EXPECT_NEAR(moved, kClients / 11.0, 5 * std::sqrt(kClients / 11.0));
}

TEST(Hrw, SharesClientsByWeight) {
  constexpr std::uint32_t kClients = 20'000;
  const Pool pool(Strategy::kHrw, {1, 2, 1});
  std::array<int, 3> counts{};
  for (std::uint32_t i = 0; i < kClients; ++i) ++counts.at(pool.visit(client(0x0a000000 + i)));
  EXPECT_NEAR(counts[0], 5000, 350);
  EXPECT_NEAR(counts[1], 10'000, 350);
  EXPECT_NEAR(counts[2], 5000, 350);
}

TEST(Hrw, WeightsDoNotReshuffleTheOthers) {
  const Pool equal(Strategy::kHrw, {1, 1, 1});
  const Pool heavier(Strategy::kHrw, {1, 1, 2});
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::uint32_t before = equal.visit(client(i));
    const std::uint32_t after = heavier.visit(client(i));
    if (before != after) EXPECT_EQ(after, 2U);
  }
}

class EveryStrategy : public testing::TestWithParam<Strategy> {};
std::string strategy_name(const testing::TestParamInfo<Strategy>& info) {
  constexpr std::array kNames = {"Wrr", "LeastConn", "P2c", "Hrw", "Pack", "Spread"};
  return kNames.at(static_cast<std::size_t>(info.param));
}
INSTANTIATE_TEST_SUITE_P(All, EveryStrategy, testing::ValuesIn(kAllStrategies), strategy_name);

TEST_P(EveryStrategy, TakesNobodyNewOnServersThatAreNotReady) {
  Pool pool(GetParam(), {1, 1, 1, 0, 1});
  pool[0].set_health(Health::kDown);
  pool[1].set_admin(AdminState::kDraining);
  EXPECT_TRUE(pool[2].note_failure(kNow, seconds(10), 1));
  for (std::uint32_t i = 0; i < 50; ++i) EXPECT_EQ(pool.visit(client(i)), 4U);
  EXPECT_TRUE(pool.picker().any_takes_users(kNow));
  pool[4].set_health(Health::kDown);
  EXPECT_EQ(pool.pick().error(), PickFailure::kNoServer);
  EXPECT_FALSE(pool.picker().any_takes_users(kNow));
  EXPECT_EQ(pool.visit({.now = kNow + seconds(10)}), 2U) << "no longer ejected";
  pool[0].set_health(Health::kUnknown);
  EXPECT_EQ(pool.visit(), 0U);
}

TEST_P(EveryStrategy, EndsWhenOnlyDrainingServersAreUp) {
  Pool pool(GetParam(), std::vector<std::uint32_t>(5000, 1));
  for (std::size_t i = 0; i < pool.size(); ++i) pool[i].set_admin(AdminState::kDraining);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.pick().error(), PickFailure::kNoServer);
}

TEST_P(EveryStrategy, HasNothingToChooseFromNoServers) {
  const Pool pool(GetParam(), {});
  EXPECT_EQ(pool.pick().error(), PickFailure::kNoServer);
  EXPECT_FALSE(pool.picker().any_takes_users(kNow));
}

TEST_P(EveryStrategy, LeavesOutWhatWasTried) {
  const Pool pool(GetParam(), {1, 1, 1});
  const std::vector<std::uint32_t> tried = {0, 2};
  for (int i = 0; i < 30; ++i) EXPECT_EQ(pool.visit({.now = kNow, .tried = tried}), 1U);
  const std::vector<std::uint32_t> all = {0, 1, 2};
  EXPECT_EQ(pool.pick({.now = kNow, .tried = all}).error(), PickFailure::kNoServer);
}

TEST_P(EveryStrategy, FillsEverySeatAndNoneMore) {
  Pool pool(GetParam(), {1, 5, 2}, 4);
  std::vector<Picked> held;
  for (std::uint32_t i = 0; i < 12; ++i) {
    auto picked = pool.pick(client(i));
    ASSERT_TRUE(picked.has_value()) << i;
    held.push_back(std::move(*picked));
  }
  EXPECT_EQ(pool.pick().error(), PickFailure::kAllFull);
  EXPECT_TRUE(pool.picker().any_takes_users(kNow)) << "full is not down";
  for (std::size_t i = 0; i < pool.size(); ++i) EXPECT_EQ(pool[i].seats_taken(), 4U);
  const std::uint32_t freed = held.front().server;
  held.erase(held.begin());
  EXPECT_EQ(pool.visit(), freed);
}

TEST_P(EveryStrategy, FillsEverySeatExactlyUnderEightThreads) {
  Pool pool(GetParam(), std::vector<std::uint32_t>(50, 1), 20);
  std::atomic<int> seated{0};
  std::atomic<int> refused{0};
  std::vector<std::vector<Picked>> held(8);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 250; ++i) {
        auto picked = pool.pick(client(t * 1000 + i));
        ++(picked ? seated : refused);
        if (picked) held[t].push_back(std::move(*picked));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seated, 1000);
  EXPECT_EQ(refused, 1000);
  for (std::size_t i = 0; i < pool.size(); ++i) EXPECT_EQ(pool[i].seats_taken(), 20U);
}

/// Servers in the order in which `users` who stay are placed.
std::vector<std::uint32_t> stays(Pool& pool, int users) {
  std::vector<std::uint32_t> servers;
  for (int i = 0; i < users; ++i) {
    auto picked = pool.pick();
    if (!picked) break;
    servers.push_back(picked->server);
    EXPECT_TRUE(pool[picked->server].try_take_seat(SeatKind::kTunnel, 0));
  }
  return servers;
}

TEST(Strategies, PackFillsTheFullestUpToItsSoftLimitThenTheEmptiest) {
  Pool pool(Strategy::kPack, {1, 1, 1}, 10);
  ASSERT_TRUE(pool[1].try_take_seat(SeatKind::kTunnel, 0));
  // 9 of 10 seats are the soft limit: 8 more on the fullest, then the oldest of the empty ones.
  EXPECT_THAT(stays(pool, 10), ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 2, 2));
  EXPECT_THAT(stays(pool, 16), testing::Contains(0).Times(9));
  EXPECT_EQ(pool[0].seats_taken(), 9U);
  EXPECT_EQ(pool[2].seats_taken(), 9U);
  // All are past it: the emptiest.
  EXPECT_THAT(stays(pool, 3), testing::UnorderedElementsAre(0, 1, 2));
  EXPECT_EQ(pool.pick().error(), PickFailure::kAllFull);
}

TEST(Strategies, PackLeavesAServerThatEmptiesAlone) {
  Pool pool(Strategy::kPack, {1, 1}, 100);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool[0].try_take_seat(SeatKind::kTunnel, 0));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(pool[1].try_take_seat(SeatKind::kTunnel, 0));
  EXPECT_THAT(stays(pool, 40), Each(0U));
  pool[0].set_admin(AdminState::kDraining);
  EXPECT_THAT(stays(pool, 40), Each(1U));
}

TEST(Strategies, PackFitsAUserWhereTheSoftShareIsLessThanOne) {
  Pool pool(Strategy::kPack, {1, 1}, 1);
  EXPECT_THAT(stays(pool, 3), ElementsAre(1, 0));
}

TEST(Strategies, SpreadTakesTheEmptiestAndOfEqualsTheOldest) {
  Pool pool(Strategy::kSpread, {1, 1, 1}, 2);
  EXPECT_THAT(stays(pool, 10), ElementsAre(2, 1, 0, 2, 1, 0));
  Pool unlimited(Strategy::kPack, {1, 1, 1});
  EXPECT_THAT(stays(unlimited, 4), ElementsAre(2, 1, 0, 2)) << "without a capacity pack is spread";
}

TEST(Strategies, WhatDoesNotCountTakesAFullServerToo) {
  for (const Strategy strategy : kAllStrategies) {
    Pool pool(strategy, {1}, 1);
    ASSERT_TRUE(pool[0].try_take_seat(SeatKind::kTunnel, 1));
    EXPECT_EQ(pool.pick().error(), PickFailure::kAllFull);
    const auto picked = pool.pick({.now = kNow, .counted = {.request = false, .tunnel = true}});
    ASSERT_TRUE(picked.has_value());
    EXPECT_EQ(pool[0].seats_taken(), 1U);
  }
}

}  // namespace
}  // namespace limpet::balancing
