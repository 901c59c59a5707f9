#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/descriptor.h"
#include "wire/websocket.h"

namespace limpet::bench {

/// What an echo server has done since it started.
struct EchoStatistics {
  std::uint64_t accepted = 0;
  std::uint64_t upgrades = 0;
  std::uint64_t requests = 0;       ///< HTTP requests answered, upgrades not among them.
  std::uint64_t messages = 0;       ///< WebSocket data frames received.
  std::uint64_t payload_bytes = 0;  ///< Of those frames.
  std::uint64_t reads =
      0;  ///< recv calls that returned data: messages / reads tells how far they were batched.
};

/// The server behind the proxies: one thread, one epoll set.
///
/// WebSocket frames go back unmasked as they came, large ones piece by piece. A text frame "fanout SIZE
/// SEQUENCE SENT_NS" is not echoed: it makes the server send one binary message of SIZE bytes to every
/// WebSocket connection. Plain requests: `/socket.io/…` is answered like Socket.IO's polling transport,
/// anything else with a short text.
class EchoServer {
 public:
  explicit EchoServer(Descriptor listener);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  /// Serves until SIGTERM or SIGINT, which must be blocked in the calling thread. Throws std::system_error
  /// when the kernel refuses an epoll set.
  void run();

  [[nodiscard]] const EchoStatistics& statistics() const { return statistics_; }

 private:
  struct Connection;
  class FrameEcho;

  void accept_all();
  void read_ready(Connection& connection);
  void received(Connection& connection, std::span<char> data);
  void frames_received(Connection& connection, std::span<char> data);
  std::size_t answer_requests(Connection& connection, std::string_view bytes);
  void answer(Connection& connection, std::string_view head);
  void upgrade(Connection& connection, std::string_view head);
  void fan_out(std::string_view command);
  /// Sends or keeps the bytes; never closes, an error only marks the connection.
  void send(Connection& connection, std::string_view bytes);
  void flush(Connection& connection);
  void watch(Connection& connection, std::uint32_t events, int operation);
  void close(Connection& connection);

  Descriptor listener_;
  Descriptor epoll_;
  Descriptor signals_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< By descriptor.
  std::vector<char> input_;                               ///< One read buffer for all connections.
  std::string output_;                                    ///< What one read of one connection answers.
  EchoStatistics statistics_;
};

}  // namespace limpet::bench
