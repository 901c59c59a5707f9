#include "cli/commands/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <expected>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "cli/json_line.h"
#include "cli/table.h"
#include "scaling/simulator/comparison.h"

namespace limpet::cli {
namespace {

using scaling::Average;
using scaling::Contestant;
using scaling::Placement;
using scaling::Rule;

constexpr std::uint32_t kLeastCapacity = 10;  // fewer seats would mean thousands of servers, and minutes
constexpr std::uint32_t kMostCapacity = 1'000'000;
constexpr std::uint32_t kMostSeeds = 100;

template <typename T>
using Result = std::expected<T, std::string>;

/// An option's number, within limits; `fallback` if it was not given.
template <typename T>
Result<T> number_of(const Call& call, std::string_view option, T least, T most, T fallback) {
  const auto text = call.arguments.value(option);
  if (!text) return fallback;
  T value{};
  const char* end = text->data() + text->size();
  const auto [rest, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || rest != end || !(value >= least && value <= most)) {
    return std::unexpected(
        fmt::format("--{}: expected a number from {} to {}, not \"{}\"", option, least, most, *text));
  }
  return value;
}

Result<base::Duration> duration_of(std::string_view option, std::string_view text) {
  const auto duration = base::parse_duration(text);
  if (!duration) {
    return std::unexpected(
        fmt::format("--{}: expected {}, in \"{}\"", option, duration.error().expected, text));
  }
  constexpr base::Duration kLongest = std::chrono::hours(24);
  if (*duration > kLongest)
    return std::unexpected(fmt::format("--{}: at most 24h, not \"{}\"", option, text));
  return *duration;
}

/// The rows of the table that --policy and --drain ask for.
Result<std::vector<Contestant>> contestants_of(const Call& call) {
  std::vector<Contestant> contestants = scaling::usual_contestants();
  if (const auto text = call.arguments.value("drain")) {
    std::optional<base::Duration> deadline;
    if (*text != "never") {
      const auto duration = duration_of("drain", *text);
      if (!duration) return std::unexpected(duration.error());
      deadline = *duration;
    }
    contestants = {{.rule = Rule::kHpa, .placement = Placement::kSpread, .drain_deadline = {}},
                   {.placement = Placement::kSpread, .drain_deadline = deadline},
                   {.placement = Placement::kPack, .drain_deadline = deadline}};
  }
  const std::string policy = call.arguments.value("policy").value_or("all");
  std::erase_if(contestants, [&policy](const Contestant& contestant) {
    if (policy == "all") return false;
    if (contestant.rule == Rule::kHpa) return policy != "hpa";
    return policy != (contestant.placement == Placement::kPack ? "pack" : "spread");
  });
  return contestants;
}

Result<scaling::Match> match_of(const Call& call) {
  scaling::Match match;
  // The table of commands allows these names only.
  match.shape = *scaling::shape_from_name(call.arguments.value("shape").value_or("day"));
  const auto capacity =
      number_of<std::uint32_t>(call, "capacity", kLeastCapacity, kMostCapacity, match.capacity);
  if (!capacity) return std::unexpected(capacity.error());
  match.capacity = *capacity;
  const auto seeds = number_of<std::uint32_t>(call, "seeds", 1, kMostSeeds, match.seeds);
  if (!seeds) return std::unexpected(seeds.error());
  match.seeds = *seeds;
  const auto target = number_of<double>(call, "target", 0.05, 1, match.target);
  if (!target) return std::unexpected(target.error());
  match.target = *target;
  if (const auto text = call.arguments.value("boot")) {
    const auto boot = duration_of("boot", *text);
    if (!boot) return std::unexpected(boot.error());
    match.start_time = *boot;
  }
  auto contestants = contestants_of(call);
  if (!contestants) return std::unexpected(contestants.error());
  match.contestants = std::move(*contestants);
  return match;
}

double seconds(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string waited_text(const Average& average) {
  if (average.waited == 0) return "0";
  return fmt::format("{:.0f} ({:.0f} s)", average.waited, seconds(average.longest_wait));
}

void print_table(const scaling::Match& match, const std::vector<scaling::Row>& rows, Console& console) {
  const auto shape = std::ranges::find(scaling::shapes(), match.shape, &scaling::ShapeInfo::shape);
  Average first = scaling::average(rows.front().outcomes);
  console.out << fmt::format(
      "{}: {}.\n{:.0f} sessions of 20 min on average, {} seats a server, {} to start one, averages of {} "
      "{}\n\n",
      shape->name, shape->doc, first.sessions, match.capacity, base::format_duration(match.start_time),
      match.seeds, match.seeds == 1 ? "run" : "runs");
  constexpr auto kRight = Table::Align::kRight;
  Table table({{.title = "policy"},
               {.title = "server-hours", .align = kRight},
               {.title = "seats used", .align = kRight},
               {.title = "most servers", .align = kRight},
               {.title = "waited (longest)", .align = kRight},
               {.title = "refused", .align = kRight},
               {.title = "cut", .align = kRight},
               {.title = "of sessions", .align = kRight},
               {.title = "biggest cut", .align = kRight}});
  for (const scaling::Row& row : rows) {
    const Average a = scaling::average(row.outcomes);
    table.add({row.contestant.name(), fmt::format("{:.0f}", a.server_hours),
               fmt::format("{:.0f} %", 100 * a.seat_hours_needed / a.seat_hours_offered),
               std::to_string(a.most_servers), waited_text(a), fmt::format("{:.0f}", a.refused),
               fmt::format("{:.0f}", a.cut), fmt::format("{:.3f} %", 100 * a.cut_share),
               std::to_string(a.biggest_cut)});
  }
  console.out << table.text();
}

nlohmann::ordered_json json_of(const scaling::Row& row) {
  const Average a = scaling::average(row.outcomes);
  nlohmann::ordered_json json;
  json["policy"] = row.contestant.rule == Rule::kHpa ? "hpa" : "limpet";
  json["placement"] = row.contestant.placement == Placement::kPack ? "pack" : "spread";
  json["drainDeadlineSeconds"] = nullptr;
  if (row.contestant.rule == Rule::kPolicy && row.contestant.drain_deadline) {
    json["drainDeadlineSeconds"] = seconds(*row.contestant.drain_deadline);
  }
  json["serverHours"] = a.server_hours;
  json["seatHoursOffered"] = a.seat_hours_offered;
  json["seatHoursNeeded"] = a.seat_hours_needed;
  json["mostServers"] = a.most_servers;
  json["sessions"] = a.sessions;
  json["waited"] = a.waited;
  json["longestWaitSeconds"] = seconds(a.longest_wait);
  json["refused"] = a.refused;
  json["cut"] = a.cut;
  json["cutShare"] = a.cut_share;
  json["leastCutShare"] = a.least_cut_share;
  json["mostCutShare"] = a.most_cut_share;
  json["biggestCut"] = a.biggest_cut;
  return json;
}

void print_json(const scaling::Match& match, const std::vector<scaling::Row>& rows, Console& console) {
  nlohmann::ordered_json json;
  json["shape"] = std::ranges::find(scaling::shapes(), match.shape, &scaling::ShapeInfo::shape)->name;
  json["capacity"] = match.capacity;
  json["bootSeconds"] = seconds(match.start_time);
  json["target"] = match.target;
  json["seeds"] = match.seeds;
  auto& list = json["policies"] = nlohmann::ordered_json::array();
  for (const scaling::Row& row : rows) list.push_back(json_of(row));
  console.out << json_line(json);
}

}  // namespace

int simulate(const Call& call) {
  const auto match = match_of(call);
  if (!match) return call.fail(kExitUsage, match.error());
  const std::vector<scaling::Row> rows = scaling::compare(*match);
  if (call.arguments.has("json")) {
    print_json(*match, rows, call.console);
  } else {
    print_table(*match, rows, call.console);
  }
  return kExitFine;
}

}  // namespace limpet::cli
