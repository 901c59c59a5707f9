#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace limpet::relay {

/// Follows the frames of one direction of a WebSocket (RFC 6455, section 5.2) as bytes pass by: counts
/// messages and knows where frames end, so that a Close can be put in between two of them. It never changes
/// or judges a byte: whatever the contents, the tunnel goes on. 16 bytes, no buffer.
class FrameScanner {
 public:
  /// Follows `bytes` and returns how many data messages ended in them.
  std::uint32_t scan(std::span<const char> bytes) noexcept;
  /// How many of the bytes to come belong to the frame that is under way: all of them if it does not end in
  /// them, none at a boundary.
  [[nodiscard]] std::size_t bytes_to_boundary(std::span<const char> bytes) const noexcept;
  /// Whether the last byte seen ended a frame (or none has been seen).
  [[nodiscard]] bool at_boundary() const noexcept { return phase_ == Phase::kFirst; }
  /// Whether a whole Close frame has passed: nothing that matters comes after it (section 5.5.1).
  [[nodiscard]] bool saw_close() const noexcept { return saw_close_; }

 private:
  enum class Phase : std::uint8_t { kFirst, kSecond, kLength, kMask, kPayload };
  // Takes at least one byte and at most one phase's worth; true when a frame ended.
  [[nodiscard]] bool step(std::span<const char>& bytes) noexcept;
  [[nodiscard]] bool after_header() noexcept;
  [[nodiscard]] bool counts_as_message() const noexcept;

  std::uint64_t left_ = 0;  // payload bytes; while in kLength, the part of the length read so far
  Phase phase_ = Phase::kFirst;
  std::uint8_t need_ = 0;  // bytes left of the phase kLength or kMask
  std::uint8_t first_ = 0;
  bool masked_ = false;
  bool saw_close_ = false;
};
static_assert(sizeof(FrameScanner) == 16);

}  // namespace limpet::relay
