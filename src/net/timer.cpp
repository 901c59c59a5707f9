#include "net/timer.h"

#include <algorithm>
#include <bit>

namespace limpet::net {

void Timer::disarm() noexcept {
  if (wheel_ != nullptr) wheel_->unlink(*this);
}

TimerWheel::~TimerWheel() {
  for (Timer* timer : slots_) {
    while (timer != nullptr) {
      timer->wheel_ = nullptr;
      timer = timer->next_;
    }
  }
}

void TimerWheel::link(Timer& timer, std::size_t slot) noexcept {
  timer.wheel_ = this;
  timer.slot_ = static_cast<std::uint32_t>(slot);
  timer.previous_ = nullptr;
  timer.next_ = slots_[slot];
  if (timer.next_ != nullptr) timer.next_->previous_ = &timer;
  slots_[slot] = &timer;
  occupied_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  ++armed_;
}

void TimerWheel::unlink(Timer& timer) noexcept {
  if (timer.previous_ != nullptr) {
    timer.previous_->next_ = timer.next_;
  } else {
    slots_[timer.slot_] = timer.next_;
    if (timer.next_ == nullptr) occupied_[timer.slot_ / 64] &= ~(std::uint64_t{1} << (timer.slot_ % 64));
  }
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  timer.wheel_ = nullptr;
  --armed_;
}

void TimerWheel::arm(Timer& timer, base::TimePoint deadline) noexcept {
  if (timer.wheel_ != nullptr) unlink(timer);
  timer.deadline_ = deadline;
  // Rounded up, and never into a tick that has been looked at already.
  const std::int64_t tick = std::max(tick_of(deadline) + 1, done_tick_ + 1);
  link(timer, static_cast<std::size_t>(tick) % kSlots);
}

void TimerWheel::advance(base::TimePoint now) noexcept {
  const std::int64_t target = tick_of(now);
  if (armed_ == 0) {
    done_tick_ = std::max(done_tick_, target);
    return;
  }
  // After a long pause one full turn visits every slot; more turns would visit them again.
  std::int64_t tick = std::max(done_tick_ + 1, target - static_cast<std::int64_t>(kSlots) + 1);
  for (; tick <= target; ++tick) {
    done_tick_ = tick;
    const std::size_t slot = static_cast<std::size_t>(tick) % kSlots;
    for (Timer* timer = slots_[slot]; timer != nullptr;) {
      Timer* const next = timer->next_;
      if (timer->deadline_ <= now) {
        unlink(*timer);
        link(*timer, kDue);
      }
      timer = next;
    }
    // A callback may disarm any of the others, so they stay in a list until their turn.
    while (Timer* const timer = slots_[kDue]) {
      unlink(*timer);
      timer->fire_(timer->context_);
    }
  }
  done_tick_ = std::max(done_tick_, target);
}

base::Duration TimerWheel::until_next(base::TimePoint now) const noexcept {
  if (armed_ == 0) return base::Duration(-1);
  const auto first = static_cast<std::size_t>(done_tick_ + 1) % kSlots;
  for (std::size_t step = 0; step < kSlots;) {
    const std::size_t slot = (first + step) % kSlots;
    const std::uint64_t bits = occupied_[slot / 64] >> (slot % 64);
    if (bits != 0) {
      step += static_cast<std::size_t>(std::countr_zero(bits));
      const base::TimePoint due = start_ + kTick * (done_tick_ + 1 + static_cast<std::int64_t>(step));
      return std::max(due - now, base::Duration(0));
    }
    step += 64 - slot % 64;
  }
  return kTick * static_cast<std::int64_t>(kSlots);
}

}  // namespace limpet::net
