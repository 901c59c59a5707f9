#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace limpet::bench {

/// RFC 6455 section 5.2.
enum class Opcode : std::uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

/// The head of one frame (RFC 6455 section 5.2), as read or as to be written.
struct FrameHeader {
  Opcode opcode = Opcode::kBinary;
  bool fin = true;
  bool masked = false;
  std::array<std::uint8_t, 4> mask{};
  std::uint64_t length = 0;
};

/// The most bytes a frame's head takes.
inline constexpr std::size_t kMaxHeaderSize = 14;

/// Appends the head of a frame to `out`.
void append_header(std::string& out, const FrameHeader& header);

/// XORs `data` with the mask; `offset` is the place of data[0] in the frame's payload.
void apply_mask(std::span<char> data, const std::array<std::uint8_t, 4>& mask, std::uint64_t offset);

/// The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
[[nodiscard]] std::string accept_key(std::string_view key);

/// The Sec-WebSocket-Key that encodes a nonce made of `seed` (16 bytes, RFC 6455 section 4.1).
[[nodiscard]] std::string websocket_key(std::uint64_t seed);

/// Takes a byte stream apart into frames without buffering payloads: a 20-byte state between reads. Payloads
/// of masked frames are unmasked in place.
class FrameReader {
 public:
  /// Feeds bytes as they came from the socket. The sink gets, per frame, begin(header), payload(span, offset)
  /// once per piece, and end(header). Returns false at the first frame that RFC 6455 forbids (reserved bits,
  /// a control frame that is long or fragmented); the reader must not be used after that.
  template <typename Sink>
  [[nodiscard]] bool feed(std::span<char> data, Sink& sink) {
    while (!data.empty()) {
      if (!in_payload_) {
        const auto taken = take_header(data);
        data = data.subspan(taken);
        if (invalid_) return false;
        if (!in_payload_) return true;
        sink.begin(header_);
      }
      const auto piece = data.first(
          static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), header_.length - offset_)));
      if (!piece.empty()) {
        if (header_.masked) apply_mask(piece, header_.mask, offset_);
        sink.payload(piece, offset_);
        offset_ += piece.size();
        data = data.subspan(piece.size());
      }
      if (offset_ == header_.length) {
        in_payload_ = false;
        sink.end(header_);
      }
    }
    return true;
  }

 private:
  /// Reads from the start of `data` what is missing of the head, and returns how many bytes that was.
  std::size_t take_header(std::span<char> data);

  FrameHeader header_;
  std::uint64_t offset_ = 0;
  std::array<char, kMaxHeaderSize> partial_{};
  std::uint8_t partial_size_ = 0;
  bool in_payload_ = false;
  bool invalid_ = false;
};

}  // namespace limpet::bench
