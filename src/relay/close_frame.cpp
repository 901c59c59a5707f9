#include "relay/close_frame.h"

#include <array>
#include <cstddef>
#include <random>

namespace limpet::relay {
namespace {

// The reason must be UTF-8, so it is not cut within a character.
std::string_view cut(std::string_view reason) {
  constexpr std::size_t kMaxReason = 123;
  if (reason.size() <= kMaxReason) return reason;
  std::size_t size = kMaxReason;
  while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0U) == 0x80U) --size;
  return reason.substr(0, size);
}

}  // namespace

std::string close_frame(std::uint16_t code, std::string_view reason, bool masked) {
  reason = cut(reason);
  std::string payload;
  payload += static_cast<char>(code >> 8U);
  payload += static_cast<char>(code & 0xffU);
  payload += reason;

  std::string frame;
  frame += static_cast<char>(0x88);
  frame += static_cast<char>(payload.size() | (masked ? 0x80U : 0U));
  if (!masked) return frame + payload;

  std::random_device random;
  const std::uint32_t key = random();
  std::array<char, 4> mask{};
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = static_cast<char>(key >> (8 * i));
  frame.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  }
  return frame;
}

}  // namespace limpet::relay
