#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace limpet::bench {

/// Log-linear histogram of non-negative durations in nanoseconds: every power of two is cut into 64 equal
/// buckets, so a percentile is at most 1.6 % too high. Fixed size (about 30 kB), no allocation, one thread.
class Histogram {
 public:
  void record(std::int64_t nanoseconds) {
    const auto value = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds);
    ++counts_[bucket_of(value)];
    ++total_;
    if (value > max_) max_ = value;
  }

  [[nodiscard]] std::uint64_t count() const { return total_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

  /// The upper bound, in nanoseconds, of the bucket that holds the given share (0.5 = median) of all values;
  /// 0 when empty, never more than the largest value seen.
  [[nodiscard]] std::uint64_t percentile(double share) const;

  void clear() { *this = Histogram{}; }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::size_t kSub = std::size_t{1} << kSubBits;

  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) {
    if (value < kSub) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits - 1;
    return (std::size_t{shift} + 1) * kSub + ((value >> shift) - kSub);
  }

  [[nodiscard]] static std::uint64_t upper_bound(std::size_t bucket) {
    if (bucket < kSub) return bucket;
    const auto shift = bucket / kSub - 1;
    return ((bucket % kSub + kSub + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kSubBits + 1) * kSub> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace limpet::bench
