#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "socketio/server.h"

namespace chat {

/// The chat itself: who is here, private messages, rooms.
///
///     from clients                 to clients
///     get-clients                  recieve-clients([id...])   to all, also when someone comes or goes
///     send-msg(id, msg)            revieve-msg(from, msg)     to that client
///     join-room(room)
///     leave-room(room)
///     room-msg(room, msg)          room-msg(room, from, msg)  to all in the room, if the sender is in it
///     whoami, with ack             {hostname, ip, id, url}
///
/// The two odd spellings are part of the protocol: existing pages use them. A message can be any JSON value
/// or binary. Events with other arguments are ignored. Single-threaded.
class Chat : public socketio::Handler {
 public:
  /// `name` is what users see as this server's name.
  Chat(boost::asio::any_io_executor executor, std::string name);

  void on_connect(socketio::Socket& socket) override;
  void on_event(socketio::Socket& socket, const socketio::Event& event) override;
  void on_disconnect(socketio::Socket& socket) override;

 private:
  using Members = std::vector<socketio::Socket*>;

  void announce_clients();
  void send_client_list();
  void private_message(const socketio::Socket& sender, const socketio::Event& event);
  void join(socketio::Socket& socket, const std::string& room);
  void leave(const socketio::Socket& socket, const std::string& room);
  void room_message(const socketio::Socket& sender, const socketio::Event& event);
  void who_am_i(socketio::Socket& socket, const socketio::Event& event) const;

  const std::string name_;
  /// In the order in which they came.
  Members clients_;
  std::unordered_map<std::string, Members> rooms_;
  boost::asio::steady_timer announcement_;
  bool announcement_due_ = false;
};

}  // namespace chat
