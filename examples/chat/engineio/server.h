#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engineio/session.h"
#include "http/server.h"

namespace chat::engineio {

/// What runs on top of Engine.IO.
class Application : public SessionListener {
 public:
  /// A client has made a session.
  virtual void on_open(Session& session) = 0;
};

/// The Engine.IO 4 end point: makes sessions, serves them by long-polling and WebSocket, and moves them from
/// one to the other. Single-threaded.
class Server : public SessionListener {
 public:
  /// `application` must outlive the server.
  Server(boost::asio::any_io_executor executor, Settings settings, Application& application);

  /// Answers a request that is no upgrade: handshake, poll, data or CORS preflight.
  [[nodiscard]] boost::asio::awaitable<std::optional<http::Response>> handle(http::Exchange& exchange);
  /// Serves a WebSocket: a session of its own, or the upgrade of one that polls.
  [[nodiscard]] boost::asio::awaitable<void> upgrade(boost::beast::tcp_stream stream, http::Request request);
  /// Ends all sessions.
  void close_all();

  void on_message(Session& session, Packet message) override;
  void on_close(Session& session, CloseReason reason) override;

 private:
  using SessionPointer = std::shared_ptr<Session>;

  [[nodiscard]] SessionPointer find(std::string_view sid) const;
  [[nodiscard]] SessionPointer open(Transport transport, const boost::asio::ip::tcp::endpoint& local);
  [[nodiscard]] static boost::asio::awaitable<std::optional<http::Response>> poll(http::Exchange& exchange,
                                                                                  SessionPointer session);
  [[nodiscard]] static boost::asio::awaitable<std::optional<http::Response>> post(http::Exchange& exchange,
                                                                                  SessionPointer session);

  const boost::asio::any_io_executor executor_;
  const Settings settings_;
  Application& application_;
  std::unordered_map<std::string, SessionPointer> sessions_;
};

}  // namespace chat::engineio
