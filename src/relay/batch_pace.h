#pragma once

#include <cstdint>

#include "base/clock.h"

namespace limpet::relay {

/// Decides when a thread that waits a little longer for messages gets several of them for it, as a network
/// card does before it interrupts. Where messages are rare, or each waits for the one before, the delay would
/// buy nothing, and nobody is delayed. Pure; one thread's.
class BatchPace {
 public:
  /// `delay`: how much longer a wait may last; 0: never any longer.
  explicit BatchPace(base::Duration delay) noexcept : delay_(delay) {}

  [[nodiscard]] base::Duration delay() const noexcept { return delay_; }
  /// Whether the next wait should last until the delay has passed or many messages are here.
  [[nodiscard]] bool gathers() const noexcept { return gathers_; }
  /// A wait has ended at `now` with so many messages. Without any it does not count.
  void took(std::uint32_t messages, base::TimePoint now) noexcept;

 private:
  void judge(base::Duration elapsed) noexcept;

  base::Duration delay_;
  base::TimePoint begun_{};
  std::uint32_t messages_ = 0;
  std::uint32_t waits_ = 0;
  std::uint32_t periods_to_rest_ = 0;
  bool gathers_ = false;
};

}  // namespace limpet::relay
