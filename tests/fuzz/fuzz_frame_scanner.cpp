#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/check.h"
#include "relay/frame_scanner.h"

namespace {

using limpet::relay::FrameScanner;
using Bytes = std::span<const char>;

struct Frame {
  std::size_t size = 0;
  bool ends_message = false;
};

std::optional<Frame> first_frame(Bytes bytes) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < 2) return std::nullopt;
  const bool masked = at(1) >= 0x80;
  std::uint64_t length = at(1) % 0x80;
  const std::size_t length_bytes = length < 126 ? 0 : length == 126 ? 2 : 8;
  const std::size_t head = 2 + length_bytes + (masked ? 4 : 0);
  if (bytes.size() < head) return std::nullopt;
  if (length_bytes != 0) length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length = length * 256 + at(2 + i);
  if (length > bytes.size() - head) return std::nullopt;
  return Frame{.size = head + length, .ends_message = at(0) >= 0x80 && at(0) % 16 < 8};
}

/// How many messages have ended, and whether a frame has, after each of the bytes.
struct Expected {
  std::vector<std::uint32_t> messages;
  std::vector<bool> boundary;
};

Expected parse(Bytes bytes) {
  Expected expected{std::vector<std::uint32_t>(bytes.size() + 1), std::vector<bool>(bytes.size() + 1)};
  expected.boundary[0] = true;
  std::size_t end = 0;
  std::uint32_t messages = 0;
  while (const auto frame = first_frame(bytes.subspan(end))) {
    std::fill_n(expected.messages.begin() + static_cast<std::ptrdiff_t>(end), frame->size, messages);
    end += frame->size;
    messages += frame->ends_message ? 1 : 0;
    expected.boundary[end] = true;
  }
  std::fill(expected.messages.begin() + static_cast<std::ptrdiff_t>(end), expected.messages.end(), messages);
  return expected;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + std::size_t{1};
  const Bytes bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Expected expected = parse(bytes);

  FrameScanner whole;
  LIMPET_CHECK(whole.scan(bytes) == expected.messages.back());
  LIMPET_CHECK(whole.at_boundary() == expected.boundary.back());

  FrameScanner scanner;
  std::uint32_t messages = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const Bytes rest = bytes.subspan(at);
    const std::size_t to_boundary = scanner.bytes_to_boundary(rest);
    for (std::size_t i = 0; i < to_boundary; ++i) LIMPET_CHECK(!expected.boundary[at + i]);
    LIMPET_CHECK(expected.boundary[at + to_boundary] || to_boundary == rest.size());
    const Bytes next = rest.first(std::min(piece, rest.size()));
    messages += scanner.scan(next);
    at += next.size();
    LIMPET_CHECK(messages == expected.messages[at]);
    LIMPET_CHECK(scanner.at_boundary() == expected.boundary[at]);
  }
  return 0;
}
