#include "socketio/packet.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace chat::socketio {
namespace {

constexpr std::size_t kMaxAttachments = 10;
// Writing JSON is recursive, so a client must not choose how deep.
constexpr int kMaxNesting = 64;
// Names with a meaning of their own in Socket.IO's interfaces, which the protocol forbids on the wire.
constexpr std::array<std::string_view, 6> kReservedEvents = {
    "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};

bool nested_too_deeply(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxNesting) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

bool valid_payload(const Packet& packet, bool present) {
  switch (packet.type) {
    case PacketType::kConnect:
      return !present || packet.data.is_object();
    case PacketType::kDisconnect:
      return !present;
    case PacketType::kConnectError:
      return packet.data.is_string() || packet.data.is_object();
    case PacketType::kEvent:
    case PacketType::kBinaryEvent:
      if (!packet.data.is_array() || packet.data.empty()) return false;
      if (packet.data[0].is_number()) return true;
      return packet.data[0].is_string() &&
             std::ranges::find(kReservedEvents, packet.data[0].get_ref<const std::string&>()) ==
                 kReservedEvents.end();
    case PacketType::kAck:
    case PacketType::kBinaryAck:
      return packet.data.is_array();
  }
  return false;
}

/// Whether every placeholder in a value names one of the attachments.
bool placeholders_fit(const Json& value, std::size_t attachments) {
  if (value.is_object()) {
    if (const auto mark = value.find("_placeholder"); mark != value.end() && *mark == true) {
      const auto number = value.find("num");
      return number != value.end() && number->is_number_unsigned() &&
             number->get<std::uint64_t>() < attachments;
    }
  }
  if (!value.is_structured()) return true;
  return std::ranges::all_of(value, [&](const Json& part) { return placeholders_fit(part, attachments); });
}

/// Takes the number at the start of a text; nothing if there is none or it is too large.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

Encoded encode(Packet packet) {
  Encoded encoded;
  const auto binary = [&] { return !packet.attachments.empty(); };
  if (binary() && packet.type == PacketType::kEvent) packet.type = PacketType::kBinaryEvent;
  if (binary() && packet.type == PacketType::kAck) packet.type = PacketType::kBinaryAck;
  encoded.text += static_cast<char>(packet.type);
  if (binary()) encoded.text += std::to_string(packet.attachments.size()) + '-';
  if (packet.name_space != "/") encoded.text += packet.name_space + ',';
  if (packet.id) encoded.text += std::to_string(*packet.id);
  if (!packet.data.is_null()) encoded.text += packet.data.dump();
  encoded.attachments = std::move(packet.attachments);
  return encoded;
}

Decoder::Result Decoder::add_text(std::string_view text) {
  if (pending_) return std::unexpected("text where an attachment should be");
  if (text.empty() || text.front() < '0' || text.front() > '6') return std::unexpected("unknown packet type");
  Packet packet{.type = static_cast<PacketType>(text.front())};
  text.remove_prefix(1);

  std::size_t attachments = 0;
  const bool binary = packet.type == PacketType::kBinaryEvent || packet.type == PacketType::kBinaryAck;
  if (binary) {
    const auto count = take_number(text);
    if (!count || *count < 1 || *count > kMaxAttachments || !text.starts_with('-')) {
      return std::unexpected("illegal attachments");
    }
    attachments = static_cast<std::size_t>(*count);
    text.remove_prefix(1);
  }
  if (text.starts_with('/')) {
    const auto comma = text.find(',');
    packet.name_space = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  if (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    packet.id = take_number(text);
    if (!packet.id) return std::unexpected("illegal acknowledgement id");
  }
  const bool has_payload = !text.empty();
  if (has_payload) {
    if (nested_too_deeply(text)) return std::unexpected("payload nested too deeply");
    packet.data = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (packet.data.is_discarded()) return std::unexpected("payload is not JSON");
  }
  if (!valid_payload(packet, has_payload)) return std::unexpected("invalid payload");
  if (!binary) return packet;

  if (!placeholders_fit(packet.data, attachments)) return std::unexpected("illegal attachments");
  packet.type = packet.type == PacketType::kBinaryEvent ? PacketType::kEvent : PacketType::kAck;
  pending_ = std::move(packet);
  missing_ = attachments;
  return std::nullopt;
}

Decoder::Result Decoder::add_binary(std::string bytes) {
  if (!pending_) return std::unexpected("attachment without a packet");
  pending_->attachments.push_back(std::move(bytes));
  if (--missing_ > 0) return std::nullopt;
  return std::exchange(pending_, std::nullopt);
}

}  // namespace chat::socketio
