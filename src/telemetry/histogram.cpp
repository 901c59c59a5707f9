#include "telemetry/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace limpet::telemetry {

std::uint64_t HistogramReading::count() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

void HistogramReading::add(const HistogramReading& other) {
  if (counts.empty()) counts.resize(other.counts.size());
  LIMPET_CHECK(counts.size() == other.counts.size());
  std::ranges::transform(counts, other.counts, counts.begin(), std::plus{});
  sum += other.sum;
}

std::vector<double> histogram_bounds(std::vector<double> bounds) {
  std::erase_if(bounds, [](double bound) { return !std::isfinite(bound); });
  std::ranges::sort(bounds);
  const auto repeated = std::ranges::unique(bounds);
  bounds.erase(repeated.begin(), repeated.end());
  return bounds;
}

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {
  LIMPET_CHECK(std::ranges::is_sorted(bounds));
}

void Histogram::observe(double value) noexcept {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  add_to_bucket(static_cast<std::size_t>(bucket), 1);
  add_to_sum(value);
}

void Histogram::add(const HistogramReading& reading) noexcept {
  LIMPET_CHECK(reading.counts.size() == bounds_.size() + 1);
  for (std::size_t bucket = 0; bucket < reading.counts.size(); ++bucket) {
    add_to_bucket(bucket, reading.counts[bucket]);
  }
  add_to_sum(reading.sum);
}

HistogramReading Histogram::read() const {
  HistogramReading reading;
  reading.counts.reserve(bounds_.size() + 1);
  for (std::size_t bucket = 0; bucket <= bounds_.size(); ++bucket) {
    reading.counts.push_back(counts_[bucket].load(std::memory_order_relaxed));
  }
  reading.sum = sum_.load(std::memory_order_relaxed);
  return reading;
}

void Histogram::add_to_bucket(std::size_t bucket, std::uint64_t amount) noexcept {
  std::atomic<std::uint64_t>& count = counts_[bucket];
  count.store(count.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

void Histogram::add_to_sum(double amount) noexcept {
  sum_.store(sum_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace limpet::telemetry
