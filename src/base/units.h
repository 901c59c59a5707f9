#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace limpet::base {

/// Why a text is not a value. `offset` counts bytes from the start of that text, so that the reader of a file
/// can add its own line and column.
struct ParseError {
  std::size_t offset = 0;
  std::string expected;  ///< completes "expected ...", for example "a unit: ns, us, ms, s, m or h"
};

/// Reads Go's durations as Traefik does: "500ms", "1m30s", "1.5h", and a bare number as seconds.
/// Fails on an empty text, an unknown unit, a negative value, or an overflow.
[[nodiscard]] std::expected<Duration, ParseError> parse_duration(std::string_view text);

/// Writes a duration the way Go prints it: "1m30s", "500ms", "0s".
[[nodiscard]] std::string format_duration(Duration duration);

/// Reads a size in bytes: "4096", "64k", "16KiB", "10M", "1GiB" (1 k = 1 Ki = 1,024).
[[nodiscard]] std::expected<std::uint64_t, ParseError> parse_bytes(std::string_view text);

}  // namespace limpet::base
