#include "engineio/packet.h"

#include "engineio/base64.h"

namespace chat::engineio {

std::string encode_text(const Packet& packet) {
  std::string text;
  text.reserve(packet.data.size() + 1);
  text += static_cast<char>(packet.type);
  text += packet.data;
  return text;
}

std::string encode_payload(std::span<const Packet> packets) {
  std::string payload;
  for (const Packet& packet : packets) {
    if (!payload.empty()) payload += kRecordSeparator;
    if (packet.binary) {
      payload += 'b';
      payload += base64_encode(packet.data);
    } else {
      payload += static_cast<char>(packet.type);
      payload += packet.data;
    }
  }
  return payload;
}

std::optional<Packet> decode_text(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '6') return std::nullopt;
  return Packet{.type = static_cast<PacketType>(text.front()), .data = std::string(text.substr(1))};
}

std::optional<Packet> decode_payload_packet(std::string_view text) {
  if (!text.starts_with('b')) return decode_text(text);
  auto bytes = base64_decode(text.substr(1));
  if (!bytes) return std::nullopt;
  return Packet{.data = std::move(*bytes), .binary = true};
}

}  // namespace chat::engineio
