#include "scaling/simulator/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>

#include "base/units.h"
#include "scaling/simulator/scaler.h"

namespace limpet::scaling {
namespace {

constexpr std::uint32_t kMostServers = 10'000;
constexpr double kHpaTarget = 0.7;

/// Servers that run at the start, the same for everyone.
std::uint32_t first_servers(const Workload& workload, std::uint32_t capacity) {
  const auto present = std::ranges::count(workload.sessions, base::Duration::zero(), &Session::at);
  const double servers = std::ceil(static_cast<double>(present) / (capacity * kHpaTarget));
  return std::max(1U, static_cast<std::uint32_t>(servers));
}

Outcome play(const Match& match, const Contestant& contestant, const Workload& workload, std::uint32_t seed) {
  Settings settings;
  settings.max = kMostServers;
  settings.capacity = match.capacity;
  settings.target = match.target;
  settings.placement = contestant.placement;
  settings.drain_deadline = contestant.drain_deadline;
  World world{.capacity = match.capacity,
              .soft = settings.soft,
              .placement = contestant.placement,
              .start_time = match.start_time,
              .first_servers = first_servers(workload, match.capacity),
              .seed = seed};
  if (contestant.rule == Rule::kPolicy) {
    PolicyScaler scaler(settings);
    return simulate(world, workload, scaler);
  }
  world.placement = Placement::kSpread;
  HpaScaler scaler({.max = kMostServers, .capacity = match.capacity, .target = kHpaTarget});
  return simulate(world, workload, scaler);
}

}  // namespace

std::string Contestant::name() const {
  if (rule == Rule::kHpa) return "kubernetes HPA 70 %";
  const std::string_view where = placement == Placement::kPack ? "pack" : "spread";
  if (!drain_deadline) return fmt::format("limpet, {}, no deadline", where);
  if (*drain_deadline % std::chrono::minutes(1) != base::Duration::zero()) {
    return fmt::format("limpet, {}, drain {}", where, base::format_duration(*drain_deadline));
  }
  return fmt::format("limpet, {}, drain {}m", where, *drain_deadline / std::chrono::minutes(1));
}

std::vector<Contestant> usual_contestants() {
  constexpr base::Duration kDeadline = std::chrono::minutes(60);
  return {{.rule = Rule::kHpa, .placement = Placement::kSpread, .drain_deadline = {}},
          {.placement = Placement::kSpread, .drain_deadline = kDeadline},
          {.placement = Placement::kPack, .drain_deadline = kDeadline},
          {.placement = Placement::kPack, .drain_deadline = {}}};
}

Average average(const std::vector<Outcome>& outcomes) {
  Average sum;
  if (outcomes.empty()) return sum;
  sum.least_cut_share = 1;
  for (const Outcome& outcome : outcomes) {
    const auto sessions = static_cast<double>(outcome.sessions);
    const auto cut = static_cast<double>(outcome.cut);
    const double share = sessions > 0 ? cut / sessions : 0;
    sum.server_hours += outcome.server_hours;
    sum.seat_hours_offered += outcome.seat_hours_offered;
    sum.seat_hours_needed += outcome.seat_hours_needed;
    sum.sessions += sessions;
    sum.waited += static_cast<double>(outcome.waited);
    sum.longest_wait = std::max(sum.longest_wait, outcome.longest_wait);
    sum.refused += static_cast<double>(outcome.refused);
    sum.cut += cut;
    sum.cut_share += share;
    sum.least_cut_share = std::min(sum.least_cut_share, share);
    sum.most_cut_share = std::max(sum.most_cut_share, share);
    sum.biggest_cut = std::max(sum.biggest_cut, outcome.biggest_cut);
    sum.most_servers = std::max(sum.most_servers, outcome.most_servers);
  }
  const auto count = static_cast<double>(outcomes.size());
  for (double* total : {&sum.server_hours, &sum.seat_hours_offered, &sum.seat_hours_needed, &sum.sessions,
                        &sum.waited, &sum.refused, &sum.cut, &sum.cut_share}) {
    *total /= count;
  }
  return sum;
}

std::vector<Row> compare(const Match& match) {
  std::vector<Row> rows;
  for (const Contestant& contestant : match.contestants) rows.push_back({contestant, {}});
  for (std::uint32_t seed = 1; seed <= match.seeds; ++seed) {
    const Workload workload = make_workload(match.shape, seed);
    for (Row& row : rows) row.outcomes.push_back(play(match, row.contestant, workload, seed));
  }
  return rows;
}

}  // namespace limpet::scaling
