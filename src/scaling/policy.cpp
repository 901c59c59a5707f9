#include "scaling/policy.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/hash.h"
#include "scaling/explain.h"

namespace limpet::scaling {
namespace {

std::uint32_t whole(double value) {
  constexpr double kMost = std::numeric_limits<std::uint32_t>::max() / 4;
  return static_cast<std::uint32_t>(std::clamp(value, 0.0, kMost));
}

bool is_closing(const Settings& settings, const Server& server, base::TimePoint now) {
  return settings.drain_deadline && now - server.drain_since >= *settings.drain_deadline;
}

Count count(const Settings& settings, const Observation& seen, base::TimePoint now) {
  Count result;
  const base::Duration soon = 2 * seen.start_time;
  for (const Server& server : seen.servers) {
    switch (server.phase) {
      case Phase::kDead:
        break;
      case Phase::kStarting:
        ++result.starting;
        result.active += server.taken();
        break;
      case Phase::kReady:
        ++result.ready;
        result.active += server.taken();
        break;
      case Phase::kDraining:
        ++result.draining;
        result.on_draining += server.taken();
        // Whoever is closed comes back at once, and a server for them must be up by then.
        if (is_closing(settings, server, now + soon)) result.moving += server.taken();
        break;
    }
  }
  result.waiting = seen.waiting;
  result.arriving = whole(
      std::round(std::max(0.0, seen.arrivals) * std::chrono::duration<double>(seen.start_time).count()));
  return result;
}

/// Servers for so many users and those who arrive while a server starts: as many as keep utilisation at its
/// target, and the free seats at their least number.
Size size_for(const Settings& settings, std::uint32_t users, std::uint32_t arriving) {
  if (users == 0 && settings.min == 0) return {};
  constexpr double kRounding = 1e-9;  // so that 70 / (100 * 0.7) is 1
  const double demand = static_cast<double>(users) + static_cast<double>(arriving);
  const double capacity = settings.capacity;
  const auto by_target = whole(std::ceil(demand / (capacity * settings.target) - kRounding));
  const auto by_free = whole(std::ceil((demand + settings.free_seats()) / capacity - kRounding));
  return {.servers = std::max(by_target, by_free), .by_free_seats = by_free > by_target};
}

std::vector<const Server*> select(const Observation& seen, auto&& condition) {
  std::vector<const Server*> result;
  for (const Server& server : seen.servers) {
    if (condition(server)) result.push_back(&server);
  }
  return result;
}

std::uint32_t steps_left(const StepLimit& limit, std::uint32_t servers, std::uint32_t made) {
  const std::uint32_t most = std::max(limit.at_least, whole(std::floor(limit.share * servers)));
  return most > made ? most - made : 0;
}

void take_back(const Settings& settings, const Observation& seen, base::TimePoint now, std::uint32_t most,
               Decision& decision) {
  auto servers = select(seen, [&](const Server& s) {
    return s.phase == Phase::kDraining && s.may_return && !is_closing(settings, s, now);
  });
  std::ranges::sort(servers, [](const Server* a, const Server* b) {
    return a->taken() != b->taken() ? a->taken() > b->taken() : older(*a, *b);
  });
  if (servers.size() > most) servers.resize(most);
  for (const Server* server : servers) decision.undrain.push_back(server->id);
}

void scale_out(const Settings& settings, const Observation& seen, const History& history, base::TimePoint now,
               const Count& counted, Decision& decision, Reason& reason) {
  const std::uint32_t missing = decision.wanted - counted.active_servers();
  take_back(settings, seen, now, missing, decision);
  const std::uint32_t to_launch = missing - static_cast<std::uint32_t>(decision.undrain.size());
  if (to_launch == 0) return;
  // Starting servers count as active, so that none is launched twice; draining ones run, and count against
  // the most that may.
  const std::uint32_t running = counted.active_servers() + counted.draining;
  const std::uint32_t room = settings.max > running ? settings.max - running : 0;
  const std::uint32_t steps =
      steps_left(settings.out, counted.active_servers(), history.launched(now - settings.out.period));
  if (history.retry_at() > now) {
    reason.retry_in = history.retry_at() - now;
  } else {
    decision.launch = std::min({to_launch, room, steps});
  }
  reason.not_launched = to_launch - decision.launch;
}

void scale_in(const Settings& settings, const Observation& seen, const History& history, base::TimePoint now,
              const Count& counted, Decision& decision, Reason& reason) {
  const std::uint32_t surplus = counted.active_servers() - decision.kept;
  reason.surplus = surplus;
  // A surplus down to the smallest size is no matter of tolerance: it would stay for ever.
  const bool at_floor = decision.kept == settings.min;
  if (!at_floor && surplus < settings.tolerance * counted.active_servers()) return;
  if (counted.starting > 0 || counted.waiting > 0) return;
  if (!history.reaches(now - settings.stabilisation)) return;
  auto servers = select(seen, [](const Server& s) { return s.phase == Phase::kReady; });
  std::ranges::sort(servers, [](const Server* a, const Server* b) {
    return a->taken() != b->taken() ? a->taken() < b->taken() : older(*b, *a);
  });
  const std::uint32_t steps =
      steps_left(settings.in, counted.active_servers(), history.drained(now - settings.in.period));
  const std::size_t victims = std::min<std::size_t>({surplus, steps, servers.size()});
  for (std::size_t i = 0; i < victims; ++i) decision.drain.push_back(servers[i]->id);
}

void end_draining(const Settings& settings, const Observation& seen, base::TimePoint now,
                  Decision& decision) {
  for (const Server& server : seen.servers) {
    if (server.phase != Phase::kDraining || std::ranges::count(decision.undrain, server.id) > 0) continue;
    if (server.taken() == 0) {
      decision.stop.push_back(server.id);
      continue;
    }
    if (!is_closing(settings, server, now)) continue;
    const base::TimePoint begin = server.drain_since + *settings.drain_deadline;
    const base::TimePoint end = begin + settings.close_window;
    if (now >= end + settings.close_slack) {
      decision.stop.push_back(server.id);
    } else {
      decision.close.push_back(
          {.id = server.id, .connections = server.connections, .begin = begin, .end = end});
    }
  }
}

}  // namespace

Decision decide(const Settings& settings, const Observation& seen, const History& history,
                base::TimePoint now) {
  const Count counted = count(settings, seen, now);
  const auto limited = [&settings](std::uint32_t servers) {
    return std::clamp(servers, settings.min, settings.max);
  };
  const Size size = size_for(settings, counted.active + counted.waiting + counted.moving, counted.arriving);
  // Users of draining servers need no seat elsewhere, but who comes in their place will. To forget them when
  // scaling in would empty one server after another under constant load.
  const Size size_with_all =
      size_for(settings, counted.active + counted.waiting + counted.on_draining, counted.arriving);

  Decision decision;
  decision.wanted = limited(size.servers);
  decision.needed = size_with_all.servers;
  decision.kept = limited(std::max(decision.needed, history.most_needed(now - settings.stabilisation)));
  Reason reason{.size = size, .start_time = seen.start_time};
  if (counted.active_servers() < decision.wanted) {
    scale_out(settings, seen, history, now, counted, decision, reason);
  } else if (counted.active_servers() > decision.kept) {
    scale_in(settings, seen, history, now, counted, decision, reason);
  }
  end_draining(settings, seen, now, decision);
  decision.why = explain(settings, counted, decision, reason);
  return decision;
}

std::vector<base::Duration> close_offsets(std::uint32_t connections, base::Duration window,
                                          std::uint64_t seed) {
  std::vector<base::Duration> offsets;
  if (connections == 0) return offsets;
  offsets.reserve(connections);
  const base::Duration longest = std::min<base::Duration>(std::chrono::seconds(1), window / connections);
  base::Duration at{};
  for (std::uint32_t i = 0; i < connections; ++i) {
    const std::uint64_t draw = base::mix_64(seed, i) >> 11U;  // 53 bits
    const double share = 0.5 + 0.5 * static_cast<double>(draw) * 0x1p-53;
    at += std::chrono::duration_cast<base::Duration>(
        std::chrono::duration<double, std::nano>(static_cast<double>(longest.count()) * share));
    offsets.push_back(at);
  }
  return offsets;
}

}  // namespace limpet::scaling
