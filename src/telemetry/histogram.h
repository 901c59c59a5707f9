#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace limpet::telemetry {

/// What a histogram held when it was read.
struct HistogramReading {
  /// How many values fell into each bucket, not cumulative; the last is for values above every bound.
  std::vector<std::uint64_t> counts;
  double sum = 0;

  [[nodiscard]] std::uint64_t count() const noexcept;
  /// Adds a reading with the same bounds; a reading without counts takes the other's.
  void add(const HistogramReading& other);
};

/// The bounds sorted, without duplicates and without what is not finite, as a Histogram asks for them.
[[nodiscard]] std::vector<double> histogram_bounds(std::vector<double> bounds);

/// Counts values in fixed buckets; a value equal to a bound belongs to that bound's bucket. One thread
/// writes, with no locked instruction; any thread reads. The bounds are the owner's and outlive the
/// histogram.
class Histogram {
 public:
  /// `bounds` ascend (see `histogram_bounds`).
  explicit Histogram(std::span<const double> bounds);

  /// Writing thread only.
  void observe(double value) noexcept;
  /// Adds all of a reading with the same bounds. Writing thread only.
  void add(const HistogramReading& reading) noexcept;
  /// Any thread. Values observed meanwhile may be in the counts and not yet in the sum.
  [[nodiscard]] HistogramReading read() const;

 private:
  void add_to_bucket(std::size_t bucket, std::uint64_t amount) noexcept;
  void add_to_sum(double amount) noexcept;

  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;  // one more than bounds
  std::atomic<double> sum_{0};
};

}  // namespace limpet::telemetry
