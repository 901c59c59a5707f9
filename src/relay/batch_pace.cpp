#include "relay/batch_pace.h"

#include <chrono>

namespace limpet::relay {
namespace {

constexpr base::Duration kPeriod = std::chrono::milliseconds(10);
// After waiting longer for nothing it is not tried again for a fifth of a second.
constexpr std::uint32_t kRest = 20;

}  // namespace

void BatchPace::took(std::uint32_t messages, base::TimePoint now) noexcept {
  if (messages == 0 || delay_.count() == 0) return;
  messages_ += messages;
  ++waits_;
  const base::Duration elapsed = now - begun_;
  if (elapsed < kPeriod) return;
  judge(elapsed);
  begun_ = now;
  messages_ = 0;
  waits_ = 0;
}

void BatchPace::judge(base::Duration elapsed) noexcept {
  if (gathers_) {
    gathers_ = messages_ * 2 >= waits_ * 3;
    if (!gathers_) periods_to_rest_ = kRest;
  } else if (periods_to_rest_ > 0) {
    --periods_to_rest_;
  } else {
    // Another message is to be expected within the delay.
    gathers_ = messages_ * delay_ >= elapsed;
  }
}

}  // namespace limpet::relay
