#include "chat.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace chat {
using socketio::Event;
using socketio::Json;
using socketio::Socket;

namespace {

// A crowd that arrives within this time costs one list for everybody, not one for each arrival.
constexpr auto kAnnouncementDelay = std::chrono::milliseconds(20);
constexpr std::size_t kMaxRoomName = 100;
constexpr std::ptrdiff_t kMaxRoomsOfClient = 32;

const std::string* string_argument(const Event& event, std::size_t index) {
  if (index >= event.arguments.size()) return nullptr;
  return event.arguments[index].get_ptr<const std::string*>();
}

bool contains(const std::vector<Socket*>& members, const Socket& socket) {
  return std::ranges::find(members, &socket) != members.end();
}

}  // namespace

Chat::Chat(boost::asio::any_io_executor executor, std::string name)
    : name_(std::move(name)), announcement_(std::move(executor)) {}

void Chat::on_connect(Socket& socket) {
  clients_.push_back(&socket);
  announce_clients();
}

void Chat::on_disconnect(Socket& socket) {
  std::erase(clients_, &socket);
  for (auto& [room, members] : rooms_) std::erase(members, &socket);
  std::erase_if(rooms_, [](const auto& room) { return room.second.empty(); });
  announce_clients();
}

void Chat::on_event(Socket& socket, const Event& event) {
  const std::string* const first = string_argument(event, 0);
  if (event.name == "get-clients") {
    announce_clients();
  } else if (event.name == "send-msg") {
    private_message(socket, event);
  } else if (event.name == "join-room" && first != nullptr) {
    join(socket, *first);
  } else if (event.name == "leave-room" && first != nullptr) {
    leave(socket, *first);
  } else if (event.name == "room-msg") {
    room_message(socket, event);
  } else if (event.name == "whoami") {
    who_am_i(socket, event);
  }
}

void Chat::announce_clients() {
  if (std::exchange(announcement_due_, true)) return;
  announcement_.expires_after(kAnnouncementDelay);
  announcement_.async_wait([this](const boost::system::error_code& error) {
    if (!error) send_client_list();
  });
}

void Chat::send_client_list() {
  announcement_due_ = false;
  Json ids = Json::array();
  for (const Socket* client : clients_) ids.push_back(client->id());
  const auto list = socketio::encode_event("recieve-clients", Json::array({std::move(ids)}));
  for (Socket* client : clients_) client->send(list);
}

void Chat::private_message(const Socket& sender, const Event& event) {
  const std::string* const target = string_argument(event, 0);
  if (target == nullptr || event.arguments.size() < 2) return;
  const auto found = std::ranges::find(clients_, *target, [](const Socket* client) { return client->id(); });
  if (found == clients_.end()) return;
  (*found)->send(socketio::encode_event("revieve-msg", Json::array({sender.id(), event.arguments[1]}),
                                        event.attachments));
}

void Chat::join(Socket& socket, const std::string& room) {
  if (room.empty() || room.size() > kMaxRoomName) return;
  const auto is_member = [&](const auto& entry) { return contains(entry.second, socket); };
  if (std::ranges::count_if(rooms_, is_member) >= kMaxRoomsOfClient) return;
  Members& members = rooms_[room];
  if (!contains(members, socket)) members.push_back(&socket);
}

void Chat::leave(const Socket& socket, const std::string& room) {
  const auto found = rooms_.find(room);
  if (found == rooms_.end()) return;
  std::erase(found->second, &socket);
  if (found->second.empty()) rooms_.erase(found);
}

void Chat::room_message(const Socket& sender, const Event& event) {
  const std::string* const room = string_argument(event, 0);
  if (room == nullptr || event.arguments.size() < 2) return;
  const auto found = rooms_.find(*room);
  if (found == rooms_.end() || !contains(found->second, sender)) return;
  const auto message = socketio::encode_event(
      "room-msg", Json::array({*room, sender.id(), event.arguments[1]}), event.attachments);
  for (Socket* member : found->second) member->send(message);
}

void Chat::who_am_i(Socket& socket, const Event& event) const {
  const auto& local = socket.session().local();
  const std::string ip = local.address().to_string();
  const std::string host = local.address().is_v6() ? '[' + ip + ']' : ip;
  socket.acknowledge(event, Json::array({{{"hostname", name_},
                                          {"ip", ip},
                                          {"id", socket.id()},
                                          {"url", "http://" + host + ':' + std::to_string(local.port())}}}));
}

}  // namespace chat
