#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "scaling/placement.h"
#include "scaling/policy.h"
#include "scaling/signals.h"

namespace limpet::scaling {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

std::uint32_t count_of(const std::vector<Server>& servers, Phase phase) {
  return static_cast<std::uint32_t>(std::ranges::count(servers, phase, &Server::phase));
}

Settings any_settings() {
  Settings settings;
  settings.min = *rc::gen::inRange(0U, 4U);
  settings.max = settings.min + *rc::gen::inRange(1U, 30U);
  settings.capacity = *rc::gen::inRange(1U, 300U);
  settings.target = *rc::gen::inRange(30, 101) / 100.0;
  settings.soft = *rc::gen::inRange(30, 101) / 100.0;
  settings.tolerance = *rc::gen::inRange(0, 30) / 100.0;
  settings.placement = *rc::gen::element(Placement::kPack, Placement::kSpread);
  settings.interval = seconds(*rc::gen::inRange(1, 20));
  if (*rc::gen::arbitrary<bool>()) settings.headroom = *rc::gen::inRange(0U, 400U);
  if (*rc::gen::arbitrary<bool>()) settings.drain_deadline = minutes(*rc::gen::inRange(0, 40));
  return settings;
}

/// A service whose decisions are carried out at once, but for servers that take a while to start.
class World {
 public:
  explicit World(const Settings& settings) : settings_(settings) {}

  std::vector<Server> servers;
  std::uint32_t waiting = 0;
  double arrivals = 0;
  base::TimePoint now = kStart;
  bool launches_fail = false;

  void add(Phase phase, std::uint32_t connections) {
    servers.push_back({.id = fmt::format("s{}", ++launched_),
                       .phase = phase,
                       .connections = connections,
                       .started_at = now,
                       .drain_since = now});
  }
  void drain_by_hand(Server& server) const {
    if (server.phase != Phase::kReady) return;
    server.phase = Phase::kDraining;
    server.drain_since = now;
    server.may_return = false;
  }
  void arrive(std::uint32_t users) {
    for (waiting += users; waiting > 0; --waiting) {
      const auto found = place(settings_, servers);
      if (!found) return;
      ++servers[*found].connections;
    }
  }
  [[nodiscard]] Decision decide() const {
    return scaling::decide(
        settings_, {.servers = servers, .waiting = waiting, .arrivals = arrivals, .start_time = kStartTime},
        history_, now);
  }
  [[nodiscard]] const Server& server(const std::string& id) const {
    return *std::ranges::find(servers, id, &Server::id);
  }

  /// One interval: decides, checks what must always hold, and does it.
  Decision step() {
    const Decision decision = decide();
    check(decision);
    carry_out(decision);
    history_.note(settings_, decision, now);
    now += settings_.interval;
    for (Server& server : servers) {
      if (server.phase != Phase::kStarting || now - server.started_at < kStartTime) continue;
      server.phase = launches_fail ? Phase::kDead : Phase::kReady;
      if (launches_fail) {
        history_.launch_failed(settings_, now);
      } else {
        history_.launch_succeeded();
      }
    }
    std::erase_if(servers, [](const Server& s) { return s.phase == Phase::kDead; });
    arrive(0);
    return decision;
  }

 private:
  static constexpr base::Duration kStartTime = seconds(30);

  void check(const Decision& decision) const {
    check_counts(decision);
    check_ids(decision);
    check_cuts(decision);
    RC_ASSERT(decision.why.starts_with(fmt::format("want {}: ", decision.wanted)));
    RC_ASSERT(decision.why.find('\n') == std::string::npos);
    if (decision.launch > 0) {
      RC_ASSERT(decision.why.find(fmt::format("launch {}", decision.launch)) != std::string::npos);
    }
    if (!decision.drain.empty()) {
      RC_ASSERT(decision.why.find(fmt::format("drain {}", decision.drain.size())) != std::string::npos);
    }
    RC_ASSERT(decide().why == decision.why);
  }

  void check_counts(const Decision& decision) const {
    const std::uint32_t ready = count_of(servers, Phase::kReady);
    const std::uint32_t active = ready + count_of(servers, Phase::kStarting);
    const std::uint32_t running = active + count_of(servers, Phase::kDraining);
    RC_ASSERT(decision.wanted >= settings_.min && decision.wanted <= settings_.max);
    RC_ASSERT(decision.kept >= decision.wanted && decision.kept <= settings_.max);
    if (decision.launch > 0) RC_ASSERT(running + decision.launch <= settings_.max);
    if (!decision.drain.empty()) {
      RC_ASSERT(ready - decision.drain.size() >= decision.kept);
      RC_ASSERT(decision.launch == 0U && decision.undrain.empty() && waiting == 0U);
    }
    // Nothing is launched that could be taken back.
    if (decision.launch > 0) {
      const auto left = std::ranges::count_if(servers, [&](const Server& s) {
        return s.phase == Phase::kDraining && s.may_return &&
               std::ranges::count(decision.undrain, s.id) == 0 &&
               (!settings_.drain_deadline || now - s.drain_since < *settings_.drain_deadline);
      });
      RC_ASSERT(left == 0);
    }
  }

  void check_ids(const Decision& decision) const {
    std::set<std::string> seen;
    const auto expect = [&](const std::string& id, Phase phase) {
      RC_ASSERT(seen.insert(id).second);
      RC_ASSERT(std::ranges::count(servers, id, &Server::id) == 1);
      RC_ASSERT(server(id).phase == phase);
    };
    for (const std::string& id : decision.undrain) expect(id, Phase::kDraining);
    for (const std::string& id : decision.stop) expect(id, Phase::kDraining);
    for (const ClosePlan& plan : decision.close) expect(plan.id, Phase::kDraining);
    for (const std::string& id : decision.drain) {
      expect(id, Phase::kReady);
      // No server that stays has fewer users.
      for (const Server& other : servers) {
        if (other.phase != Phase::kReady || std::ranges::count(decision.drain, other.id) > 0) continue;
        RC_ASSERT(other.taken() >= server(id).taken());
      }
    }
  }

  void check_cuts(const Decision& decision) const {
    const auto past = [&](const std::string& id, base::Duration more) {
      return settings_.drain_deadline && now >= server(id).drain_since + *settings_.drain_deadline + more;
    };
    for (const ClosePlan& plan : decision.close) RC_ASSERT(past(plan.id, {}));
    for (const std::string& id : decision.stop) {
      RC_ASSERT(server(id).taken() == 0U || past(id, settings_.close_window + settings_.close_slack));
    }
  }

  void carry_out(const Decision& decision) {
    for (Server& server : servers) {
      if (std::ranges::count(decision.undrain, server.id) > 0) server.phase = Phase::kReady;
      if (std::ranges::count(decision.stop, server.id) > 0) server.phase = Phase::kDead;
      if (std::ranges::count(decision.drain, server.id) > 0) {
        server.phase = Phase::kDraining;
        server.drain_since = now;
      }
    }
    for (std::uint32_t i = 0; i < decision.launch; ++i) add(Phase::kStarting, 0);
  }

  Settings settings_;
  History history_;
  std::uint32_t launched_ = 0;
};

/// Crowds, calm, exodus, crashes, people, launches that fail, hours in which nothing is asked.
void disturb(const Settings& settings, World& world) {
  const auto any_server = [&world] {
    return world.servers.begin() + *rc::gen::inRange(std::ptrdiff_t{0}, std::ssize(world.servers));
  };
  switch (*rc::gen::inRange(0, 10)) {
    case 0:
      world.arrive(*rc::gen::inRange(0U, 2 * settings.capacity + 1));
      break;
    case 1:
      for (Server& server : world.servers) {
        server.connections = std::min(server.connections, *rc::gen::inRange(0U, settings.capacity + 1));
      }
      break;
    case 2:
      for (Server& server : world.servers) {
        server.connections = std::min(server.connections, *rc::gen::inRange(0U, 3U));
      }
      break;
    case 3:
      if (!world.servers.empty() && *rc::gen::arbitrary<bool>()) world.servers.erase(any_server());
      break;
    case 4:
      if (!world.servers.empty() && *rc::gen::arbitrary<bool>()) world.drain_by_hand(*any_server());
      break;
    case 5:
      world.launches_fail = !world.launches_fail;
      break;
    case 6:
    case 7:
      world.now += seconds(*rc::gen::inRange(0, 2'000));
      break;
    case 8:
      world.arrivals = *rc::gen::inRange(0, 1'000) / 100.0;
      break;
    default:
      break;
  }
}

TEST(PolicyProperty, LimitsHoldAndNobodyIsCutEarlyWhateverHappens) {
  EXPECT_TRUE(rc::check([] {
    const Settings settings = any_settings();
    World world(settings);
    const auto steps = *rc::gen::inRange(10, 300);
    for (int i = 0; i < steps; ++i) {
      disturb(settings, world);
      world.step();
    }
  }));
}

TEST(PolicyProperty, ConstantLoadConvergesAndThenNothingMoves) {
  EXPECT_TRUE(rc::check([] {
    Settings settings = any_settings();
    settings.interval = seconds(5);
    settings.drain_deadline.reset();
    World world(settings);
    const auto servers = *rc::gen::inRange(0U, settings.max + 1);
    const auto users = *rc::gen::inRange(0U, settings.max * settings.capacity + 1);
    for (std::uint32_t i = 0; i < servers; ++i) world.add(Phase::kReady, 0);
    world.arrive(users);
    const auto churn = [&world](bool only_draining) {
      // Users leave, first from draining servers, and as many come.
      std::uint32_t gone = 0;
      for (Server& server : world.servers) {
        if (server.connections == 0 || (only_draining && server.phase != Phase::kDraining)) continue;
        --server.connections;
        ++gone;
      }
      world.arrive(gone);
    };
    bool has_drained = false;
    for (int i = 0; i < 3'000; ++i) {
      const Decision decision = world.step();
      // What was drained was not needed: nothing is ever started or taken back for it.
      has_drained = has_drained || !decision.drain.empty();
      if (has_drained) RC_ASSERT(decision.launch == 0U && decision.undrain.empty());
      // Slowly at first, so that draining servers are still full when the next decisions are made.
      if (i % 25 == 0 || i > 1'500) churn(i % 3 != 0);
    }
    RC_ASSERT(count_of(world.servers, Phase::kDraining) == 0U);
    for (int i = 0; i < 500; ++i) {
      const Decision decision = world.step();
      if (decision.acts()) RC_FAIL(decision.why);
      churn(false);
    }
    // Large enough, and no larger than tolerance allows.
    const Decision last = world.decide();
    const std::uint32_t ready = count_of(world.servers, Phase::kReady);
    RC_ASSERT(ready >= last.wanted);
    RC_ASSERT(ready <= last.wanted + settings.tolerance * ready);
    const std::uint32_t most = settings.max * settings.capacity;
    RC_ASSERT(world.waiting == (users > most ? users - most : 0U));
  }));
}

TEST(PolicyProperty, PlacementIsTheRuleInWords) {
  EXPECT_TRUE(rc::check([] {
    const Settings settings = any_settings();
    const auto seats = *rc::gen::inRange(1U, 5U);
    std::vector<Server> servers;
    const auto count = *rc::gen::inRange(0, 12);
    for (int i = 0; i < count; ++i) {
      servers.push_back(
          {.id = fmt::format("s{:02}", i),
           .phase = *rc::gen::element(Phase::kStarting, Phase::kReady, Phase::kReady, Phase::kDraining),
           .connections = *rc::gen::inRange(0U, settings.capacity + 1),
           .reserved = *rc::gen::inRange(0U, 3U),
           .started_at = kStart + seconds(*rc::gen::inRange(0, 3))});
    }
    const auto fits = [&](const Server& s, double limit) {
      return s.phase == Phase::kReady && s.taken() + seats <= limit + 1e-6;
    };
    const double soft = std::max(1.0, settings.soft * settings.capacity);
    const auto found = place(settings, servers, seats);
    const bool any =
        std::ranges::any_of(servers, [&](const Server& s) { return fits(s, settings.capacity); });
    RC_ASSERT(found.has_value() == any);
    if (!found) return;
    const Server& chosen = servers[*found];
    const bool packs = settings.placement == Placement::kPack &&
                       std::ranges::any_of(servers, [&](const Server& s) { return fits(s, soft); });
    const double limit = packs ? soft : settings.capacity;
    RC_ASSERT(fits(chosen, limit));
    for (const Server& other : servers) {
      if (!fits(other, limit) || other.id == chosen.id) continue;
      RC_ASSERT((packs ? other.taken() <= chosen.taken() : other.taken() >= chosen.taken()));
      if (other.taken() == chosen.taken()) RC_ASSERT(older(chosen, other));
    }
  }));
}

}  // namespace
}  // namespace limpet::scaling
