#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace limpet::base {

/// A wall time in UTC to the millisecond, RFC 3339: "2026-01-02T03:04:05.678Z". Any thread.
[[nodiscard]] std::string utc_timestamp(WallTime time);

/// A wall time in milliseconds since 1970: what is signed and stored.
[[nodiscard]] std::uint64_t unix_ms(WallTime time = WallClock::now()) noexcept;

}  // namespace limpet::base
