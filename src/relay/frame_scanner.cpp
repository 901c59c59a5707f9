#include "relay/frame_scanner.h"

#include <algorithm>

namespace limpet::relay {
namespace {

constexpr std::uint8_t kFin = 0x80;
constexpr std::uint8_t kOpcode = 0x0f;
constexpr std::uint8_t kClose = 0x08;
constexpr std::uint8_t kControl = 0x08;  // opcodes 8 to 15
constexpr std::uint8_t kMaskBit = 0x80;

}  // namespace

bool FrameScanner::counts_as_message() const noexcept {
  return (first_ & kFin) != 0 && (first_ & kControl) == 0;
}

bool FrameScanner::after_header() noexcept {
  phase_ = left_ == 0 ? Phase::kFirst : Phase::kPayload;
  return left_ == 0;
}

bool FrameScanner::step(std::span<const char>& bytes) noexcept {
  const auto take = [&bytes] {
    const auto byte = static_cast<std::uint8_t>(bytes.front());
    bytes = bytes.subspan(1);
    return byte;
  };
  switch (phase_) {
    case Phase::kFirst:
      first_ = take();
      phase_ = Phase::kSecond;
      return false;
    case Phase::kSecond: {
      const std::uint8_t second = take();
      masked_ = (second & kMaskBit) != 0;
      const auto length = static_cast<std::uint8_t>(second & 0x7fU);
      if (length < 126) {
        left_ = length;
        if (!masked_) return after_header();
        need_ = 4;
        phase_ = Phase::kMask;
      } else {
        left_ = 0;
        need_ = length == 126 ? 2 : 8;
        phase_ = Phase::kLength;
      }
      return false;
    }
    case Phase::kLength:
      left_ = (left_ << 8U) | take();
      if (--need_ != 0) return false;
      if (!masked_) return after_header();
      need_ = 4;
      phase_ = Phase::kMask;
      return false;
    case Phase::kMask: {
      const auto taken = std::min<std::size_t>(need_, bytes.size());
      bytes = bytes.subspan(taken);
      need_ = static_cast<std::uint8_t>(need_ - taken);
      return need_ == 0 && after_header();
    }
    case Phase::kPayload: {
      const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      bytes = bytes.subspan(taken);
      left_ -= taken;
      if (left_ != 0) return false;
      phase_ = Phase::kFirst;
      return true;
    }
  }
  return false;
}

std::uint32_t FrameScanner::scan(std::span<const char> bytes) noexcept {
  std::uint32_t messages = 0;
  while (!bytes.empty()) {
    if (!step(bytes)) continue;
    if (counts_as_message()) {
      ++messages;
    } else if ((first_ & kOpcode) == kClose) {
      saw_close_ = true;
    }
  }
  return messages;
}

std::size_t FrameScanner::bytes_to_boundary(std::span<const char> bytes) const noexcept {
  FrameScanner ahead = *this;
  const std::size_t size = bytes.size();
  while (!bytes.empty() && !ahead.at_boundary()) static_cast<void>(ahead.step(bytes));
  return size - bytes.size();
}

}  // namespace limpet::relay
