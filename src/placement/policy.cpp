#include "placement/policy.h"

#include <optional>

#include "base/hash.h"

namespace limpet::placement {
namespace {

/// Whether `a` is emptier than `b` for its size. Servers without a limit are compared by seats alone.
bool emptier(const Candidate& a, const Candidate& b) noexcept {
  if (a.capacity == 0 || b.capacity == 0) return a.in_use < b.in_use;
  return a.in_use * b.capacity < b.in_use * a.capacity;
}

/// The best server that `fits` accepts.
template <class Fits, class Better>
std::optional<std::size_t> best_of(std::span<const Candidate> candidates, Fits fits, Better better) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (fits(candidates[i]) && (!best || better(candidates[i], candidates[*best]))) best = i;
  }
  return best;
}

config::PlacementPolicy policy_of(const config::Placement& settings) noexcept {
  using enum config::PlacementPolicy;
  if (settings.policy != kWebhook) return settings.policy;
  return settings.webhook ? settings.webhook->fallback : kPack;
}

}  // namespace

bool has_seats(const Candidate& candidate, std::uint32_t seats) noexcept {
  return candidate.takes_new_keys &&
         (candidate.capacity == 0 || candidate.in_use + seats <= candidate.capacity);
}

std::expected<std::size_t, NoPlace> choose_server(const config::Placement& settings, std::string_view key,
                                                  std::uint32_t seats,
                                                  std::span<const Candidate> candidates) {
  const auto fits = [seats](const Candidate& each) { return has_seats(each, seats); };
  const std::uint64_t key_hash = base::fnv1a_64(key);
  std::optional<std::size_t> best;
  switch (policy_of(settings)) {
    case config::PlacementPolicy::kPack: {
      const auto below_soft = [&](const Candidate& each) {
        const std::uint64_t soft = std::uint64_t{each.capacity} * settings.soft_percent;
        return fits(each) && each.capacity != 0 && (each.in_use + seats) * 100 <= soft;
      };
      best = best_of(candidates, below_soft,
                     [](const Candidate& a, const Candidate& b) { return emptier(b, a); });
      if (!best) best = best_of(candidates, fits, emptier);
      break;
    }
    case config::PlacementPolicy::kSpread:
      best = best_of(candidates, fits, emptier);
      break;
    case config::PlacementPolicy::kHash:
      best = best_of(candidates, fits, [key_hash](const Candidate& a, const Candidate& b) {
        return base::mix_64(key_hash, a.hash) > base::mix_64(key_hash, b.hash);
      });
      break;
    case config::PlacementPolicy::kWebhook:
      break;
  }
  if (best) return *best;
  for (const Candidate& candidate : candidates) {
    if (candidate.takes_new_keys) return std::unexpected(NoPlace::kAllFull);
  }
  return std::unexpected(NoPlace::kNoServer);
}

}  // namespace limpet::placement
