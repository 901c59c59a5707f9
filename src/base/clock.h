#pragma once

#include <chrono>

namespace limpet::base {

/// Time since an arbitrary start; never goes back. What deadlines and intervals are measured in.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
/// The house's one duration type: nanoseconds, signed.
using Duration = std::chrono::nanoseconds;

/// Wall time, for logs and the API only.
using WallClock = std::chrono::system_clock;
using WallTime = WallClock::time_point;

}  // namespace limpet::base
