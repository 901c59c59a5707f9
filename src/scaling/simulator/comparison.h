#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "scaling/settings.h"
#include "scaling/simulator/simulation.h"
#include "scaling/simulator/workload.h"

namespace limpet::scaling {

/// Who is compared.
enum class Rule : std::uint8_t {
  kHpa,     ///< Kubernetes' recipe: 70 % on connections, least connections, the newest pod dies
  kPolicy,  ///< Limpet's
};

struct Contestant {
  Rule rule = Rule::kPolicy;
  Placement placement = Placement::kPack;        ///< the recipe spreads, whatever is here
  std::optional<base::Duration> drain_deadline;  ///< none: servers wait for their last user

  /// "limpet, pack, drain 60m".
  [[nodiscard]] std::string name() const;
};

/// What is played. Users are the same whatever the capacity.
struct Match {
  Shape shape = Shape::kDay;
  std::uint32_t capacity = 100;
  base::Duration start_time = std::chrono::seconds(30);
  double target = Settings{}.target;  ///< of Limpet's policy
  std::uint32_t seeds = 5;
  std::vector<Contestant> contestants;
};

/// Kubernetes' recipe, Limpet's policy with spread and with pack, 60 minutes for draining, and pack without a
/// deadline.
[[nodiscard]] std::vector<Contestant> usual_contestants();

/// One contestant's outcomes.
struct Row {
  Contestant contestant;
  std::vector<Outcome> outcomes;  ///< by seed, the first is seed 1
};

/// The average of some outcomes; the longest and the biggest are those of all.
struct Average {
  double server_hours = 0;
  double seat_hours_offered = 0;
  double seat_hours_needed = 0;
  double sessions = 0;
  double waited = 0;
  base::Duration longest_wait{};
  double refused = 0;
  double cut = 0;
  double cut_share = 0;  ///< of the sessions
  double least_cut_share = 0, most_cut_share = 0;
  std::uint32_t biggest_cut = 0;
  std::uint32_t most_servers = 0;
};
[[nodiscard]] Average average(const std::vector<Outcome>& outcomes);

/// Plays every contestant against the same users. Costs some ten milliseconds a day simulated.
[[nodiscard]] std::vector<Row> compare(const Match& match);

}  // namespace limpet::scaling
