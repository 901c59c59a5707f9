#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace limpet::net {

class TimerWheel;

/// A deadline in a reactor's wheel. Fires at most once per arming, on the reactor's thread, up to a tick (16
/// ms) late. Not movable while armed; disarms itself at its end.
class Timer {
 public:
  /// `fire(context)` is called when the deadline has passed.
  using Callback = void (*)(void* context) noexcept;
  Timer(Callback fire, void* context) noexcept : fire_(fire), context_(context) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  [[nodiscard]] bool armed() const noexcept { return wheel_ != nullptr; }
  void disarm() noexcept;

 private:
  friend class TimerWheel;
  Timer* previous_ = nullptr;
  Timer* next_ = nullptr;
  TimerWheel* wheel_ = nullptr;
  std::uint32_t slot_ = 0;
  base::TimePoint deadline_{};
  Callback fire_;
  void* context_;
};

/// A hashed timing wheel: arming and disarming cost a few stores, whatever the number of timers. One thread.
class TimerWheel {
 public:
  explicit TimerWheel(base::TimePoint start) noexcept : start_(start) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Arms the timer for `deadline`; an armed one is moved.
  void arm(Timer& timer, base::TimePoint deadline) noexcept;
  /// Fires what is due at `now`. Callbacks may arm and disarm any timer.
  void advance(base::TimePoint now) noexcept;
  /// How long a wait may last before advance() must be called, or a negative duration if no timer is armed.
  [[nodiscard]] base::Duration until_next(base::TimePoint now) const noexcept;

 private:
  friend class Timer;
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kDue = kSlots;  // the list of those about to fire
  static constexpr base::Duration kTick = std::chrono::milliseconds(16);

  [[nodiscard]] std::int64_t tick_of(base::TimePoint time) const noexcept { return (time - start_) / kTick; }
  void unlink(Timer& timer) noexcept;
  void link(Timer& timer, std::size_t slot) noexcept;

  base::TimePoint start_;
  std::int64_t done_tick_ = 0;  // every slot up to this tick has been looked at
  std::size_t armed_ = 0;
  std::array<Timer*, kSlots + 1> slots_{};
  std::array<std::uint64_t, kSlots / 64 + 1> occupied_{};
};

}  // namespace limpet::net
