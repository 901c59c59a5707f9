#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace limpet::bench {

/// What every benchmark message begins with, so that its echo can be timed and recognised.
struct Stamp {
  std::int64_t sent_ns = 0;    ///< CLOCK_MONOTONIC of the sender.
  std::uint64_t sequence = 0;  ///< Counts messages per connection, or per fan-out round.
};

/// The size of a stamp on the wire, and so the smallest message.
inline constexpr std::size_t kStampSize = 16;

/// Appends a payload of `size` bytes (at least kStampSize): the stamp, then a fixed pattern.
void append_payload(std::string& out, const Stamp& stamp, std::size_t size);

/// Whether these bytes are what append_payload wrote at `offset` (at least kStampSize) of a payload.
[[nodiscard]] bool matches_pattern(std::span<const char> bytes, std::uint64_t offset);

/// Reads the stamp back from the first kStampSize bytes of a payload.
[[nodiscard]] Stamp read_stamp(std::span<const char, kStampSize> bytes);

}  // namespace limpet::bench
