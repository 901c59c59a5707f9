#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace chat::engineio {

/// The packet types of Engine.IO protocol 4, as they stand on the wire.
enum class PacketType : char {
  kOpen = '0',
  kClose = '1',
  kPing = '2',
  kPong = '3',
  kMessage = '4',
  kUpgrade = '5',
  kNoop = '6',
};

/// One Engine.IO packet. Only messages can be binary.
struct Packet {
  PacketType type = PacketType::kMessage;
  std::string data = {};
  bool binary = false;
};

/// Separates the packets of one polling body.
inline constexpr char kRecordSeparator = '\x1e';

/// A text packet as one WebSocket text frame carries it: type digit and data.
[[nodiscard]] std::string encode_text(const Packet& packet);

/// Packets as one polling body: text packets as they are, binary ones as `b` and base64.
[[nodiscard]] std::string encode_payload(std::span<const Packet> packets);

/// Reads the text of one packet (no binary form). Nothing if the type is unknown.
[[nodiscard]] std::optional<Packet> decode_text(std::string_view text);

/// Reads one packet of a polling body, text or `b` and base64. Nothing if it is malformed.
[[nodiscard]] std::optional<Packet> decode_payload_packet(std::string_view text);

}  // namespace chat::engineio
