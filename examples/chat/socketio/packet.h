#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chat::socketio {

using Json = nlohmann::json;

/// The packet types of Socket.IO protocol 5, as they stand on the wire.
enum class PacketType : char {
  kConnect = '0',
  kDisconnect = '1',
  kEvent = '2',
  kAck = '3',
  kConnectError = '4',
  kBinaryEvent = '5',
  kBinaryAck = '6',
};

/// One Socket.IO packet. Binary values are not put into the JSON: `data` has `{"_placeholder":true,"num":n}`
/// where attachment n belongs, so a value can be passed on together with the attachments.
struct Packet {
  PacketType type = PacketType::kEvent;
  std::string name_space = "/";
  std::optional<std::uint64_t> id = {};
  /// Null where the packet has no payload.
  Json data = {};
  std::vector<std::string> attachments = {};
};

/// A packet as Engine.IO messages: one text, then one binary message for each attachment.
struct Encoded {
  std::string text;
  std::vector<std::string> attachments;
};

/// Writes a packet; events and acks with attachments become their binary form.
[[nodiscard]] Encoded encode(Packet packet);

/// Puts the packets of one session together from its messages.
class Decoder {
 public:
  /// A packet if this message completes one, nothing if attachments are still to come. The error says what is
  /// malformed; the session should be closed then.
  using Result = std::expected<std::optional<Packet>, std::string>;

  [[nodiscard]] Result add_text(std::string_view text);
  [[nodiscard]] Result add_binary(std::string bytes);

 private:
  std::optional<Packet> pending_;
  std::size_t missing_ = 0;
};

}  // namespace chat::socketio
