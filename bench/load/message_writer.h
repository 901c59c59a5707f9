#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wire/stamp.h"
#include "wire/websocket.h"

namespace limpet::bench {

/// Builds masked client frames in a buffer that is used again for each write.
class MessageWriter {
 public:
  void clear() { buffer_.clear(); }
  [[nodiscard]] std::string_view bytes() const { return buffer_; }

  /// Appends a binary message of `size` bytes (at least kStampSize) with this stamp.
  void add_message(const Stamp& stamp, std::uint64_t size) {
    const auto start = begin_frame(Opcode::kBinary, size);
    append_payload(buffer_, stamp, static_cast<std::size_t>(size));
    mask_from(start);
  }

  /// Appends a short frame with these bytes.
  void add_frame(Opcode opcode, std::string_view payload) {
    const auto start = begin_frame(opcode, payload.size());
    buffer_ += payload;
    mask_from(start);
  }

 private:
  std::size_t begin_frame(Opcode opcode, std::uint64_t size) {
    random_ = random_ * 6364136223846793005U + 1442695040888963407U;
    for (unsigned i = 0; i < mask_.size(); ++i) mask_[i] = static_cast<std::uint8_t>(random_ >> (32 + 8 * i));
    append_header(buffer_, {.opcode = opcode, .masked = true, .mask = mask_, .length = size});
    return buffer_.size();
  }

  void mask_from(std::size_t start) { apply_mask(std::span(buffer_).subspan(start), mask_, 0); }

  std::string buffer_;
  std::array<std::uint8_t, 4> mask_{};
  std::uint64_t random_ = 0x853c49e6748fea9b;
};

}  // namespace limpet::bench
