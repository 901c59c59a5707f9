#include "wire/stamp.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace limpet::bench {
namespace {

/// Letters in rows of 53 (a prime), so that a piece that is lost, doubled or shifted does not match.
constexpr std::size_t kPeriod = 53;
constexpr std::size_t kPatternSize = kPeriod * 1236;

const std::array<char, kPatternSize> kPattern = [] {
  std::array<char, kPatternSize> pattern{};
  for (std::size_t i = 0; i < pattern.size(); ++i)
    pattern[i] = static_cast<char>((i % kPeriod < 26 ? 'a' : '0') + static_cast<int>(i % kPeriod % 27));
  return pattern;
}();

}  // namespace

void append_payload(std::string& out, const Stamp& stamp, std::size_t size) {
  std::array<char, kStampSize> head{};
  std::memcpy(head.data(), &stamp.sent_ns, 8);
  std::memcpy(head.data() + 8, &stamp.sequence, 8);
  out.append(head.data(), head.size());
  for (std::size_t offset = kStampSize; offset < size;) {
    const auto start = offset % kPeriod;
    const auto piece = std::min(size - offset, kPatternSize - start);
    out.append(kPattern.data() + start, piece);
    offset += piece;
  }
}

bool matches_pattern(std::span<const char> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const auto start = static_cast<std::size_t>(offset % kPeriod);
    const auto piece = std::min(bytes.size(), kPatternSize - start);
    if (std::memcmp(bytes.data(), kPattern.data() + start, piece) != 0) return false;
    bytes = bytes.subspan(piece);
    offset += piece;
  }
  return true;
}

Stamp read_stamp(std::span<const char, kStampSize> bytes) {
  Stamp stamp;
  std::memcpy(&stamp.sent_ns, bytes.data(), 8);
  std::memcpy(&stamp.sequence, bytes.data() + 8, 8);
  return stamp;
}

}  // namespace limpet::bench
