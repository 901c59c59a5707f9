#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

/// What a scaler measures besides counts. Plain values that the caller keeps; one thread.
namespace limpet::scaling {

/// The rate at which users arrive, as two moving averages: a fast one that sees a crowd within seconds, and a
/// slow one that does not forget it at once.
class ArrivalRate {
 public:
  static constexpr base::Duration kFastHalfLife = std::chrono::seconds(15);
  static constexpr base::Duration kSlowHalfLife = std::chrono::minutes(5);

  /// `count` users have arrived. `now` never goes back.
  void note(base::TimePoint now, std::uint32_t count = 1) noexcept;
  /// Users a second.
  [[nodiscard]] double fast(base::TimePoint now) const noexcept;
  [[nodiscard]] double slow(base::TimePoint now) const noexcept;
  /// The larger of both: growth is believed at once, an end only after a while.
  [[nodiscard]] double expected(base::TimePoint now) const noexcept;

 private:
  double fast_ = 0;
  double slow_ = 0;
  base::TimePoint at_{};
};

/// How long servers take from launch to ready: the last 32 starts.
class StartTimes {
 public:
  void note(base::Duration took) noexcept;
  /// 95 of 100 starts were at most this long; `fallback` before the first.
  [[nodiscard]] base::Duration p95(base::Duration fallback) const noexcept;

 private:
  std::array<base::Duration, 32> last_{};
  std::size_t count_ = 0;  // of all ever noted
};

}  // namespace limpet::scaling
