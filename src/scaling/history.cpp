#include <algorithm>
#include <chrono>
#include <numeric>

#include "scaling/policy.h"

namespace limpet::scaling {

void History::note(const Settings& settings, const Decision& decision, base::TimePoint now) {
  if (!first_) first_ = now;
  while (!needed_.empty() && needed_.back().count <= decision.needed) needed_.pop_back();
  needed_.push_back({.at = now, .count = decision.needed});
  if (decision.launch > 0) launched_.push_back({.at = now, .count = decision.launch});
  if (!decision.drain.empty()) {
    drained_.push_back({.at = now, .count = static_cast<std::uint32_t>(decision.drain.size())});
  }
  const auto forget = [now](std::deque<Step>& steps, base::Duration period) {
    while (!steps.empty() && steps.front().at < now - period) steps.pop_front();
  };
  forget(needed_, settings.stabilisation);
  forget(launched_, settings.out.period);
  forget(drained_, settings.in.period);
}

void History::launch_failed(const Settings& settings, base::TimePoint now) noexcept {
  base::Duration pause = settings.retry_first;
  for (std::uint32_t i = 0; i < failures_ && pause < settings.retry_longest; ++i) pause *= 2;
  retry_at_ = std::max(retry_at_, now + std::min(pause, settings.retry_longest));
  ++failures_;
}

void History::launch_succeeded() noexcept {
  failures_ = 0;
  retry_at_ = {};
}

bool History::reaches(base::TimePoint since) const noexcept {
  return first_ && *first_ <= since;
}

std::uint32_t History::most_needed(base::TimePoint since) const noexcept {
  const auto step = std::ranges::find_if(needed_, [since](const Step& s) { return s.at >= since; });
  return step == needed_.end() ? 0 : step->count;
}

std::uint32_t History::launched(base::TimePoint since) const noexcept {
  return std::accumulate(launched_.begin(), launched_.end(), 0U, [since](std::uint32_t sum, const Step& s) {
    return s.at > since ? sum + s.count : sum;
  });
}

std::uint32_t History::drained(base::TimePoint since) const noexcept {
  return std::accumulate(drained_.begin(), drained_.end(), 0U, [since](std::uint32_t sum, const Step& s) {
    return s.at > since ? sum + s.count : sum;
  });
}

}  // namespace limpet::scaling
