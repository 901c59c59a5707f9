#include "scaling/placement.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

namespace limpet::scaling {
namespace {

constexpr base::TimePoint kNow{std::chrono::hours(1)};

Server ready(std::string id, std::uint32_t connections, int age = 0) {
  return {.id = std::move(id),
          .phase = Phase::kReady,
          .connections = connections,
          .started_at = kNow - std::chrono::seconds(age)};
}

std::string where(Placement rule, const std::vector<Server>& servers, std::uint32_t seats = 1) {
  Settings settings;
  settings.capacity = 10;
  settings.soft = 0.8;
  settings.placement = rule;
  const auto found = place(settings, servers, seats);
  return found ? servers[*found].id : "none";
}

TEST(Placement, PackFillsTheFullestBelowItsSoftLimit) {
  EXPECT_EQ(where(Placement::kPack, {ready("a", 2), ready("b", 7), ready("c", 8), ready("d", 10)}), "b");
  EXPECT_EQ(where(Placement::kPack, {ready("a", 2), ready("b", 7)}, 2), "a");
}

TEST(Placement, PackTakesTheOldestOfEquals) {
  EXPECT_EQ(where(Placement::kPack, {ready("b", 5, 1), ready("c", 5, 2), ready("a", 5, 1)}), "c");
  EXPECT_EQ(where(Placement::kPack, {ready("b", 5, 1), ready("a", 5, 1)}), "a");
}

TEST(Placement, PackGoesPastTheSoftLimitRatherThanTurnUsersAway) {
  EXPECT_EQ(where(Placement::kPack, {ready("a", 9), ready("b", 8), ready("c", 10)}), "b");
}

TEST(Placement, SpreadTakesTheEmptiest) {
  EXPECT_EQ(where(Placement::kSpread, {ready("a", 2), ready("b", 1), ready("c", 8)}), "b");
  EXPECT_EQ(where(Placement::kSpread, {ready("a", 1, 1), ready("b", 1, 2)}), "b");
}

TEST(Placement, OnlyReadyServersWithEnoughSeats) {
  std::vector<Server> servers{ready("starting", 0), ready("draining", 5), ready("dead", 5),
                              ready("full", 10)};
  servers[0].phase = Phase::kStarting;
  servers[1].phase = Phase::kDraining;
  servers[2].phase = Phase::kDead;
  for (const Placement rule : {Placement::kPack, Placement::kSpread}) {
    EXPECT_EQ(where(rule, servers), "none");
    EXPECT_EQ(where(rule, {}), "none");
    EXPECT_EQ(where(rule, {ready("a", 8)}, 3), "none");
  }
}

TEST(Placement, ReservedSeatsAreTaken) {
  std::vector<Server> servers{ready("a", 5), ready("b", 4)};
  servers[0].reserved = 5;
  EXPECT_EQ(where(Placement::kPack, servers), "b");
}

}  // namespace
}  // namespace limpet::scaling
