#pragma once

#include <string>

#include "base/clock.h"

namespace limpet::base {

/// A wall time in UTC to the millisecond, RFC 3339: "2026-01-02T03:04:05.678Z". Any thread.
[[nodiscard]] std::string utc_timestamp(WallTime time);

}  // namespace limpet::base
