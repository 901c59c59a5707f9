#include "balancing/strategies.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "base/hash.h"

namespace limpet::balancing {
namespace {

// How often a choice is made again after another thread took the last seat, before any free seat will do.
constexpr int kMaxLostRaces = 8;
// Places of the schedule looked at before a weighted draw among all servers takes over.
constexpr std::size_t kMaxScheduleSteps = 128;
constexpr int kMaxPairs = 4;

/// Servers of one weight, which take turns in the order listed.
struct WeightClass {
  std::uint64_t weight = 0;
  std::vector<std::uint32_t> members;
  std::size_t next = 0;
  std::uint64_t rounds = 0;  // picks of the member that is next
};

std::vector<std::uint64_t> reduced_weights(std::span<const std::uint32_t> weights, std::size_t max_period) {
  std::vector<std::uint64_t> reduced(weights.begin(), weights.end());
  const auto divide = [&reduced] {
    std::uint64_t divisor = 0;
    for (const std::uint64_t weight : reduced) divisor = std::gcd(divisor, weight);
    if (divisor > 1) std::ranges::for_each(reduced, [divisor](std::uint64_t& weight) { weight /= divisor; });
  };
  divide();
  const std::uint64_t total = std::accumulate(reduced.begin(), reduced.end(), std::uint64_t{0});
  if (total <= max_period) return reduced;
  const double scale = static_cast<double>(max_period) / static_cast<double>(total);
  for (std::uint64_t& weight : reduced) {
    if (weight != 0)
      weight = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(static_cast<double>(weight) * scale));
  }
  divide();
  return reduced;
}

bool is_ready(const Candidate& candidate, base::TimePoint now) noexcept {
  const ServerState& state = *candidate.state;
  return state.admin() == AdminState::kReady && state.health() != Health::kDown && !state.is_ejected(now);
}

bool takes_user(const Candidate& candidate, const Newcomer& newcomer) noexcept {
  return is_ready(candidate, newcomer.now) &&
         std::ranges::find(newcomer.tried, candidate.server) == newcomer.tried.end();
}

bool has_seat_for(const Candidate& candidate, const Newcomer& newcomer) noexcept {
  const bool counts = newcomer.seat == SeatKind::kTunnel ? newcomer.counted.tunnel : newcomer.counted.request;
  return takes_user(candidate, newcomer) &&
         (candidate.capacity == 0 || !counts || candidate.state->seats_in_use() < candidate.capacity);
}

/// A number below `bound` from the high bits of a random one.
std::size_t below(std::uint64_t random, std::size_t bound) noexcept {
  return static_cast<std::size_t>(((random >> 32U) * bound) >> 32U);
}

/// Whether `a` seats on `left` are fewer for its weight than `b` seats on `right`.
bool less_loaded(std::uint64_t a, const Candidate& left, std::uint64_t b, const Candidate& right) noexcept {
  return a * right.weight < b * left.weight;
}

}  // namespace

std::vector<std::uint32_t> smooth_schedule(std::span<const std::uint32_t> weights, std::size_t max_period) {
  const std::vector<std::uint64_t> reduced = reduced_weights(weights, max_period);
  std::map<std::uint64_t, WeightClass> by_weight;
  std::uint64_t period = 0;
  for (std::uint32_t i = 0; i < reduced.size(); ++i) {
    if (reduced[i] == 0) continue;
    period += reduced[i];
    WeightClass& members = by_weight[reduced[i]];
    members.weight = reduced[i];
    members.members.push_back(i);
  }
  std::vector<std::uint32_t> schedule;
  schedule.reserve(period);
  // After t picks a server's credit is t * weight - picks * period; the highest is next, the one listed first
  // of equals. Among servers of one weight that is whoever's turn it is, so only one of each weight is
  // compared.
  for (std::uint64_t t = 1; t <= period; ++t) {
    WeightClass* best = nullptr;
    std::int64_t best_credit = 0;
    for (auto& [weight, members] : by_weight) {
      const auto credit =
          static_cast<std::int64_t>(t * weight) - static_cast<std::int64_t>(members.rounds * period);
      if (best == nullptr || credit > best_credit ||
          (credit == best_credit && members.members[members.next] < best->members[best->next])) {
        best = &members;
        best_credit = credit;
      }
    }
    schedule.push_back(best->members[best->next]);
    if (++best->next == best->members.size()) {
      best->next = 0;
      ++best->rounds;
    }
  }
  return schedule;
}

Picker::Picker(config::Strategy strategy, std::vector<Candidate> candidates, std::uint64_t seed, double soft)
    : strategy_(strategy), candidates_(std::move(candidates)), seed_(seed), soft_(soft) {
  if (strategy_ == config::Strategy::kPack || strategy_ == config::Strategy::kSpread) {
    std::ranges::sort(candidates_, {}, [](const Candidate& candidate) {
      return std::pair(candidate.state->number(), candidate.server);
    });
  }
  std::vector<std::uint32_t> weights;
  for (const Candidate& candidate : candidates_) weights.push_back(candidate.weight);
  equal_weights_ = std::ranges::adjacent_find(weights, std::not_equal_to()) == weights.end();
  if (strategy_ == config::Strategy::kWrr) schedule_ = smooth_schedule(weights);
}

std::expected<Picked, PickFailure> Picker::pick(const Newcomer& newcomer) const {
  for (int lost = 0; lost < kMaxLostRaces; ++lost) {
    const std::optional<std::size_t> choice = select(newcomer);
    if (!choice) break;
    if (std::optional<Picked> picked = take_seat(*choice, newcomer)) return std::move(*picked);
  }
  return first_free(newcomer);
}

bool Picker::any_takes_users(base::TimePoint now) const noexcept {
  return std::ranges::any_of(candidates_,
                             [now](const Candidate& candidate) { return is_ready(candidate, now); });
}

std::optional<std::size_t> Picker::select(const Newcomer& newcomer) const noexcept {
  if (candidates_.empty()) return std::nullopt;
  switch (strategy_) {
    case config::Strategy::kWrr:
      return next_in_schedule(newcomer);
    case config::Strategy::kLeastConn:
      return least_loaded(newcomer);
    case config::Strategy::kP2c:
      return better_of_two(newcomer);
    case config::Strategy::kHrw:
      return highest_score(newcomer);
    case config::Strategy::kPack:
      return packed(newcomer);
    case config::Strategy::kSpread:
      return emptiest(newcomer);
  }
  return std::nullopt;
}

std::optional<std::size_t> Picker::next_in_schedule(const Newcomer& newcomer) const noexcept {
  const std::size_t steps = std::min(schedule_.size(), kMaxScheduleSteps);
  // Skipped places use the cursor up, so the servers left share exactly by weight.
  for (std::size_t step = 0; step < steps; ++step) {
    const std::uint64_t at = cursor_.fetch_add(1, std::memory_order_relaxed);
    const std::size_t index = schedule_[at % schedule_.size()];
    if (has_seat_for(candidates_[index], newcomer)) return index;
  }
  return steps < schedule_.size() ? random_by_weight(newcomer) : std::nullopt;
}

std::optional<std::size_t> Picker::random_by_weight(const Newcomer& newcomer) const noexcept {
  std::optional<std::size_t> chosen;
  std::uint64_t total = 0;
  std::uint64_t random = draw();
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (!has_seat_for(candidates_[i], newcomer)) continue;
    total += candidates_[i].weight;
    random = base::mix_64(random, i);
    if (random % total < candidates_[i].weight) chosen = i;
  }
  return chosen;
}

std::optional<std::size_t> Picker::least_loaded(const Newcomer& newcomer) const noexcept {
  const std::size_t count = candidates_.size();
  const std::size_t start = cursor_.load(std::memory_order_relaxed) % count;
  std::optional<std::size_t> best;
  std::uint64_t best_seats = 0;
  for (std::size_t step = 0, i = start; step < count; ++step, i = i + 1 == count ? 0 : i + 1) {
    if (!has_seat_for(candidates_[i], newcomer)) continue;
    const std::uint64_t seats = candidates_[i].state->seats_in_use();
    if (best && !less_loaded(seats, candidates_[i], best_seats, candidates_[*best])) continue;
    best = i;
    best_seats = seats;
    if (seats == 0) break;
  }
  // Looking on from behind the last choice makes equals take turns.
  if (best) cursor_.store(*best + 1, std::memory_order_relaxed);
  return best;
}

std::optional<std::size_t> Picker::better_of_two(const Newcomer& newcomer) const noexcept {
  const std::size_t count = candidates_.size();
  for (int pair = 0; count > 1 && pair < kMaxPairs; ++pair) {
    const std::uint64_t random = draw();
    const std::size_t first = below(random, count);
    const std::size_t second = (first + 1 + below(random << 32U, count - 1)) % count;
    const bool first_can = has_seat_for(candidates_[first], newcomer);
    const bool second_can = has_seat_for(candidates_[second], newcomer);
    if (first_can && second_can) {
      const bool second_is_better =
          less_loaded(candidates_[second].state->seats_in_use(), candidates_[second],
                      candidates_[first].state->seats_in_use(), candidates_[first]);
      return second_is_better ? second : first;
    }
    if (first_can) return first;
    if (second_can) return second;
  }
  return random_by_weight(newcomer);
}

std::optional<std::size_t> Picker::highest_score(const Newcomer& newcomer) const noexcept {
  const auto& bytes = newcomer.client.bytes();
  std::uint64_t key = 0;
  for (const std::uint8_t byte : bytes) key = base::mix_64(key, byte);
  std::optional<std::size_t> best;
  std::uint64_t best_hash = 0;
  double best_score = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const std::uint64_t hash = base::mix_64(key, candidates_[i].hrw_seed);
    // With equal weights the score grows with the hash, so the logarithm is not needed.
    if (equal_weights_) {
      if ((best && hash <= best_hash) || !has_seat_for(candidates_[i], newcomer)) continue;
      best = i;
      best_hash = hash;
      continue;
    }
    const double fraction = (static_cast<double>(hash >> 11U) + 0.5) * 0x1p-53;
    const double score = static_cast<double>(candidates_[i].weight) / -std::log(fraction);
    if ((best && score <= best_score) || !has_seat_for(candidates_[i], newcomer)) continue;
    best = i;
    best_score = score;
  }
  return best;
}

std::optional<std::size_t> Picker::packed(const Newcomer& newcomer) const noexcept {
  std::optional<std::size_t> fullest;
  std::uint64_t most_seats = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const Candidate& candidate = candidates_[i];
    // A user fits even where the share of a small capacity is less than one.
    const auto soft =
        static_cast<std::uint64_t>(std::max(1.0, std::floor(soft_ * candidate.capacity + 1e-9)));
    const std::uint64_t seats = candidate.state->seats_in_use();
    if (candidate.capacity == 0 || seats >= soft || (fullest && seats <= most_seats) ||
        !has_seat_for(candidate, newcomer)) {
      continue;
    }
    fullest = i;
    most_seats = seats;
  }
  return fullest ? fullest : emptiest(newcomer);
}

std::optional<std::size_t> Picker::emptiest(const Newcomer& newcomer) const noexcept {
  std::optional<std::size_t> best;
  std::uint64_t fewest = 0;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const std::uint64_t seats = candidates_[i].state->seats_in_use();
    if ((best && seats >= fewest) || !has_seat_for(candidates_[i], newcomer)) continue;
    best = i;
    fewest = seats;
  }
  return best;
}

std::expected<Picked, PickFailure> Picker::first_free(const Newcomer& newcomer) const noexcept {
  const std::size_t count = candidates_.size();
  bool any_takes_user = false;
  const std::size_t start = count == 0 ? 0 : below(draw(), count);
  for (std::size_t step = 0, i = start; step < count; ++step, i = i + 1 == count ? 0 : i + 1) {
    if (!takes_user(candidates_[i], newcomer)) continue;
    any_takes_user = true;
    if (std::optional<Picked> picked = take_seat(i, newcomer)) return std::move(*picked);
  }
  return std::unexpected(any_takes_user ? PickFailure::kAllFull : PickFailure::kNoServer);
}

std::optional<Picked> Picker::take_seat(std::size_t index, const Newcomer& newcomer) const noexcept {
  const Candidate& candidate = candidates_[index];
  auto seat = Seat::take(*candidate.state, newcomer.seat, candidate.capacity, newcomer.counted);
  if (!seat) return std::nullopt;
  return Picked{candidate.server, std::move(*seat)};
}

std::uint64_t Picker::draw() const noexcept {
  return base::mix_64(seed_, cursor_.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace limpet::balancing
