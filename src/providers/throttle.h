#pragma once

#include <optional>

#include "base/clock.h"

namespace limpet::providers {

/// Spaces out what changes bring about: the first change counts soon, further ones at most once per period,
/// and of those that come meanwhile the newest only. Pure: the clock is an argument.
class Throttle {
 public:
  /// `settle` is how long a change is left alone, so that a burst counts once; `period` the least time
  /// between two.
  Throttle(base::Duration settle, base::Duration period) noexcept : settle_(settle), period_(period) {}

  /// Notes a change. Returns when it is to be acted upon; a change noted before keeps its time.
  base::TimePoint note(base::TimePoint now) noexcept {
    if (!due_) {
      due_ = now + settle_;
      if (last_ && *due_ < *last_ + period_) due_ = *last_ + period_;
    }
    return *due_;
  }

  /// Whether it is time to act upon a change that was noted.
  [[nodiscard]] bool is_due(base::TimePoint now) const noexcept { return due_ && now >= *due_; }

  /// Notes that all changes so far have been acted upon.
  void done(base::TimePoint now) noexcept {
    due_.reset();
    last_ = now;
  }

 private:
  base::Duration settle_;
  base::Duration period_;
  std::optional<base::TimePoint> due_;
  std::optional<base::TimePoint> last_;
};

}  // namespace limpet::providers
