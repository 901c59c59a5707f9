#include "placement/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace limpet::placement {
namespace {

Candidate server(std::uint64_t in_use, std::uint32_t capacity, std::uint64_t hash = 1) {
  return {.in_use = in_use, .capacity = capacity, .hash = hash, .takes_new_keys = true};
}

config::Placement settings(config::PlacementPolicy policy) {
  config::Placement made;
  made.policy = policy;
  return made;
}

TEST(PlacementPolicy, PackFillsTheFullestServerUpToItsSoftLimit) {
  const auto pack = settings(config::PlacementPolicy::kPack);
  EXPECT_EQ(choose_server(pack, "k", 1, std::vector{server(10, 100), server(79, 100), server(80, 100)}), 1U);
  EXPECT_EQ(choose_server(pack, "k", 2, std::vector{server(10, 100), server(79, 100), server(80, 100)}), 0U);
  EXPECT_EQ(choose_server(pack, "k", 1, std::vector{server(95, 100), server(85, 100)}), 1U);
  EXPECT_EQ(choose_server(pack, "k", 1, std::vector{server(5, 0), server(3, 0)}), 1U);
}

TEST(PlacementPolicy, SpreadTakesTheEmptiestForItsSize) {
  const auto spread = settings(config::PlacementPolicy::kSpread);
  EXPECT_EQ(choose_server(spread, "k", 1, std::vector{server(10, 20), server(30, 100)}), 1U);
  EXPECT_EQ(choose_server(spread, "k", 1, std::vector{server(10, 20), server(50, 100)}), 0U);
}

TEST(PlacementPolicy, HashKeepsMostKeysWhenAServerGoes) {
  const auto hash = settings(config::PlacementPolicy::kHash);
  std::vector<Candidate> servers;
  for (std::uint64_t i = 0; i < 5; ++i) servers.push_back(server(0, 0, 1000 + i * 7919));
  std::set<std::size_t> used;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "room-" + std::to_string(i);
    const std::size_t before = *choose_server(hash, key, 1, servers);
    EXPECT_EQ(choose_server(hash, key, 1, servers), before);
    used.insert(before);
    std::vector<Candidate> fewer = servers;
    fewer[2].takes_new_keys = false;
    const std::size_t after = *choose_server(hash, key, 1, fewer);
    EXPECT_EQ(before == 2, before != after);
  }
  EXPECT_EQ(used.size(), 5U);
}

TEST(PlacementPolicy, SaysWhyThereIsNoPlace) {
  const auto pack = settings(config::PlacementPolicy::kPack);
  EXPECT_EQ(choose_server(pack, "k", 2, std::vector{server(9, 10)}).error(), NoPlace::kAllFull);
  Candidate down = server(0, 10);
  down.takes_new_keys = false;
  EXPECT_EQ(choose_server(pack, "k", 1, std::vector{down}).error(), NoPlace::kNoServer);
  EXPECT_EQ(choose_server(pack, "k", 1, {}).error(), NoPlace::kNoServer);
}

}  // namespace
}  // namespace limpet::placement
