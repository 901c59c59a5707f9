#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::relay {

/// A WebSocket frame as tests write and read it, the plain way.
struct Frame {
  bool fin = true;
  std::uint8_t opcode = 1;
  bool masked = false;
  std::string payload;
  int length_bytes = 0;  ///< 0: the shortest form; 2 or 8 to write a longer one
};

inline std::string encode(const Frame& frame) {
  std::string out;
  out += static_cast<char>((frame.fin ? 0x80U : 0U) | frame.opcode);
  const std::uint64_t size = frame.payload.size();
  int length_bytes = frame.length_bytes;
  if (length_bytes == 0) length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const std::uint64_t short_length = length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127;
  out += static_cast<char>((frame.masked ? 0x80U : 0U) | short_length);
  for (int i = length_bytes - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  constexpr std::string_view kMask = "\x11\x22\xf3\x44";
  if (frame.masked) out += kMask;
  for (std::size_t i = 0; i < frame.payload.size(); ++i) {
    out += frame.masked ? static_cast<char>(frame.payload[i] ^ kMask[i % 4]) : frame.payload[i];
  }
  return out;
}

/// Reads the frame at the start of `bytes` and takes it off; nothing if it is not complete.
inline std::optional<Frame> take_frame(std::string_view& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  Frame frame;
  frame.fin = (at(0) & 0x80U) != 0;
  frame.opcode = at(0) & 0x0fU;
  frame.masked = (at(1) & 0x80U) != 0;
  std::uint64_t length = at(1) & 0x7fU;
  std::size_t head = 2;
  if (length >= 126) {
    frame.length_bytes = length == 126 ? 2 : 8;
    if (bytes.size() < head + static_cast<std::size_t>(frame.length_bytes)) return std::nullopt;
    length = 0;
    for (int i = 0; i < frame.length_bytes; ++i) length = length << 8U | at(head++);
  }
  std::string_view mask;
  if (frame.masked) {
    if (bytes.size() < head + 4) return std::nullopt;
    mask = bytes.substr(head, 4);
    head += 4;
  }
  if (bytes.size() - head < length) return std::nullopt;
  frame.payload = bytes.substr(head, length);
  if (frame.masked) {
    for (std::size_t i = 0; i < frame.payload.size(); ++i) {
      frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % 4]);
    }
  }
  bytes.remove_prefix(head + length);
  return frame;
}

/// All the frames of a text that ends with one.
inline std::vector<Frame> all_frames(std::string_view bytes) {
  std::vector<Frame> frames;
  while (const auto frame = take_frame(bytes)) frames.push_back(*frame);
  return frames;
}

}  // namespace limpet::relay
