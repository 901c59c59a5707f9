#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engineio/server.h"
#include "engineio/session.h"
#include "socketio/packet.h"

namespace chat::socketio {

/// An event of a client.
struct Event {
  std::string name;
  /// A JSON array: what follows the name.
  Json arguments;
  std::vector<std::string> attachments;
  /// Set if the client waits for an acknowledgement.
  std::optional<std::uint64_t> id;
};

/// An event as all sockets can send it: encoded once, whatever the number of receivers.
[[nodiscard]] Encoded encode_event(std::string_view name, const Json& arguments,
                                   std::vector<std::string> attachments = {});

/// A client that has joined the namespace `/`.
class Socket {
 public:
  Socket(engineio::Session& session, std::string id) : session_(session), id_(std::move(id)) {}

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const engineio::Session& session() const { return session_; }

  void send(const Encoded& encoded);
  /// Answers an event that asked for an acknowledgement; no effect if it did not.
  void acknowledge(const Event& event, Json arguments);

 private:
  engineio::Session& session_;
  const std::string id_;
};

/// The application on top of Socket.IO. A socket is valid until its on_disconnect returns.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void on_connect(Socket& socket) = 0;
  virtual void on_event(Socket& socket, const Event& event) = 0;
  virtual void on_disconnect(Socket& socket) = 0;
};

/// Socket.IO 5 with the one namespace `/` on top of Engine.IO sessions. Single-threaded.
class Server : public engineio::Application {
 public:
  /// `handler` must outlive the server.
  Server(boost::asio::any_io_executor executor, Handler& handler);

  void on_open(engineio::Session& session) override;
  void on_message(engineio::Session& session, engineio::Packet message) override;
  void on_close(engineio::Session& session, engineio::CloseReason reason) override;

 private:
  struct Client {
    Decoder decoder;
    std::optional<Socket> socket;
    std::optional<boost::asio::steady_timer> connect_deadline;
  };

  void on_packet(engineio::Session& session, Client& client, Packet packet);
  void connect(engineio::Session& session, Client& client, const Packet& packet);

  const boost::asio::any_io_executor executor_;
  Handler& handler_;
  std::unordered_map<engineio::Session*, Client> clients_;
};

}  // namespace chat::socketio
