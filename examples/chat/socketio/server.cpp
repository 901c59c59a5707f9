#include "socketio/server.h"

#include <utility>

#include "engineio/base64.h"

namespace chat::socketio {
namespace {

constexpr auto kConnectTime = std::chrono::seconds(45);
constexpr std::string_view kNamespace = "/";

void send_to(engineio::Session& session, const Encoded& encoded) {
  session.send({.data = encoded.text});
  for (const auto& attachment : encoded.attachments) session.send({.data = attachment, .binary = true});
}

}  // namespace

Encoded encode_event(std::string_view name, const Json& arguments, std::vector<std::string> attachments) {
  Json data = Json::array({name});
  data.insert(data.end(), arguments.begin(), arguments.end());
  return encode({.type = PacketType::kEvent, .data = std::move(data), .attachments = std::move(attachments)});
}

void Socket::send(const Encoded& encoded) {
  send_to(session_, encoded);
}

void Socket::acknowledge(const Event& event, Json arguments) {
  if (!event.id) return;
  send(encode({.type = PacketType::kAck, .id = event.id, .data = std::move(arguments)}));
}

Server::Server(boost::asio::any_io_executor executor, Handler& handler)
    : executor_(std::move(executor)), handler_(handler) {}

void Server::on_open(engineio::Session& session) {
  Client& client = clients_[&session];
  client.connect_deadline.emplace(executor_, kConnectTime);
  client.connect_deadline->async_wait(
      [weak = session.weak_from_this()](const boost::system::error_code& error) {
        if (error) return;
        if (const auto alive = weak.lock()) alive->close(engineio::CloseReason::kServer);
      });
}

void Server::on_message(engineio::Session& session, engineio::Packet message) {
  Client& client = clients_.at(&session);
  auto decoded = message.binary ? client.decoder.add_binary(std::move(message.data))
                                : client.decoder.add_text(message.data);
  if (!decoded) {
    session.close(engineio::CloseReason::kParseError);
  } else if (*decoded) {
    on_packet(session, client, std::move(**decoded));
  }
}

void Server::on_close(engineio::Session& session, engineio::CloseReason /*reason*/) {
  auto client = clients_.extract(&session);
  if (client.mapped().socket) handler_.on_disconnect(*client.mapped().socket);
}

void Server::on_packet(engineio::Session& session, Client& client, Packet packet) {
  const bool joined = client.socket && packet.name_space == kNamespace;
  if (packet.type == PacketType::kConnect && !joined) {
    connect(session, client, packet);
  } else if (packet.type == PacketType::kEvent && joined) {
    if (!packet.data[0].is_string()) return;
    Event event{.name = packet.data[0].get<std::string>(),
                .arguments = std::move(packet.data),
                .attachments = std::move(packet.attachments),
                .id = packet.id};
    event.arguments.erase(0);
    handler_.on_event(*client.socket, event);
  } else if (packet.type == PacketType::kAck && joined) {
    // this server asks for no acknowledgements
  } else if (packet.type == PacketType::kDisconnect && joined) {
    handler_.on_disconnect(*client.socket);
    client.socket.reset();
  } else {
    session.close(engineio::CloseReason::kParseError);
  }
}

void Server::connect(engineio::Session& session, Client& client, const Packet& packet) {
  if (packet.name_space != kNamespace) {
    send_to(session, encode({.type = PacketType::kConnectError,
                             .name_space = packet.name_space,
                             .data = {{"message", "Invalid namespace"}}}));
    return;
  }
  client.connect_deadline.reset();
  client.socket.emplace(session, engineio::random_id());
  send_to(session, encode({.type = PacketType::kConnect, .data = {{"sid", client.socket->id()}}}));
  handler_.on_connect(*client.socket);
}

}  // namespace chat::socketio
