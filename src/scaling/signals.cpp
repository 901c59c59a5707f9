#include "scaling/signals.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

namespace limpet::scaling {
namespace {

double seconds(base::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double decayed(double rate, base::Duration age, base::Duration half_life) {
  if (rate == 0 || age <= base::Duration::zero()) return rate;
  return rate * std::exp2(-seconds(age) / seconds(half_life));
}

}  // namespace

void ArrivalRate::note(base::TimePoint now, std::uint32_t count) noexcept {
  // An arrival adds an exponential's height at 0, so that a constant rate is met exactly.
  fast_ = fast(now) + count * std::numbers::ln2 / seconds(kFastHalfLife);
  slow_ = slow(now) + count * std::numbers::ln2 / seconds(kSlowHalfLife);
  at_ = std::max(at_, now);
}

double ArrivalRate::fast(base::TimePoint now) const noexcept {
  return decayed(fast_, now - at_, kFastHalfLife);
}

double ArrivalRate::slow(base::TimePoint now) const noexcept {
  return decayed(slow_, now - at_, kSlowHalfLife);
}

double ArrivalRate::expected(base::TimePoint now) const noexcept {
  return std::max(fast(now), slow(now));
}

void StartTimes::note(base::Duration took) noexcept {
  last_.at(count_ % last_.size()) = took;
  ++count_;
}

base::Duration StartTimes::p95(base::Duration fallback) const noexcept {
  const std::size_t known = std::min(count_, last_.size());
  if (known == 0) return fallback;
  auto sorted = last_;
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(known);
  const auto rank = sorted.begin() + static_cast<std::ptrdiff_t>((known * 95 + 99) / 100 - 1);
  std::nth_element(sorted.begin(), rank, end);
  return *rank;
}

}  // namespace limpet::scaling
