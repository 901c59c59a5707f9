#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engineio/packet.h"

namespace chat::engineio {

/// What an Engine.IO server promises its clients.
struct Settings {
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds ping_timeout{20'000};
  /// How long a client may take from opening the WebSocket of an upgrade to its last word on polling.
  std::chrono::milliseconds upgrade_timeout{10'000};
  /// Bytes of one polling body or one WebSocket message.
  std::size_t max_payload = 1'000'000;
  /// Bytes that may wait for a slow client before it is given up.
  std::size_t max_waiting = 16'000'000;
};

/// What carries a session's packets at the moment.
enum class Transport { kPolling, kWebSocket };

/// Why a session ended.
enum class CloseReason { kClient, kServer, kPingTimeout, kTransportError, kParseError, kSlowClient };

class Session;

/// Who is told what happens in sessions. Calls come from the one thread of the io_context.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  /// A message of the client.
  virtual void on_message(Session& session, Packet message) = 0;
  /// The session has ended; it is the last call for it, and never made from within Session::send.
  virtual void on_close(Session& session, CloseReason reason) = 0;
};

/// One client's Engine.IO session: packets in and out, heartbeat, and which transport serves it. A session
/// outlives its HTTP requests, and its requests may outlive it, hence shared ownership between the server's
/// table and the coroutines that serve the session. Single-threaded.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::any_io_executor executor, std::string id, Transport transport,
          boost::asio::ip::tcp::endpoint local, const Settings& settings, SessionListener& listener);

  /// Queues the open packet and starts the heartbeat. Call once, when a shared_ptr owns the session.
  void start();

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] Transport transport() const { return transport_; }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] CloseReason close_reason() const { return close_reason_; }
  /// The address the client, or the balancer before it, dialled to make the session.
  [[nodiscard]] const boost::asio::ip::tcp::endpoint& local() const { return local_; }

  /// Queues a packet for the client; no effect on a closed session.
  void send(Packet packet);
  /// Takes a packet from the client.
  void receive(Packet packet);
  /// Ends the session: transports send what is queued, say goodbye and stop.
  void close(CloseReason reason);

  /// Whether packets wait to be sent.
  [[nodiscard]] bool has_output() const { return !output_.empty(); }
  /// The packets that wait, oldest first; they are the caller's to deliver.
  [[nodiscard]] std::vector<Packet> take_output();
  /// Returns at the next change: output queued, session closed, poll released, transport changed. Callers
  /// check what they wait for before each call.
  [[nodiscard]] boost::asio::awaitable<void> next_change();
  /// Returns when the session is closed.
  [[nodiscard]] boost::asio::awaitable<void> closed();

  /// Marks the one hanging GET, or the one POST under way, that a session may have. False if there is one.
  [[nodiscard]] bool begin_poll();
  void end_poll() { polling_ = false; }
  [[nodiscard]] bool begin_post();
  void end_post() { posting_ = false; }

  /// Starts the probe of a WebSocket. False if the session has one already.
  [[nodiscard]] bool begin_upgrade();
  void end_upgrade() { upgrading_ = false; }
  /// Lets a hanging GET return with a noop, so that the client can pause polling.
  void release_poll();
  [[nodiscard]] bool poll_released() const { return poll_released_; }
  /// The probe succeeded: from now on the WebSocket carries the packets.
  void switch_to_websocket();

 private:
  [[nodiscard]] boost::asio::awaitable<void> heartbeat();
  void wake() { change_.cancel(); }

  const std::string id_;
  const boost::asio::ip::tcp::endpoint local_;
  const Settings& settings_;
  SessionListener& listener_;
  Transport transport_;
  std::vector<Packet> output_;
  std::size_t output_bytes_ = 0;
  boost::asio::steady_timer heartbeat_timer_;
  // Timers that never expire: cancelling one wakes all who wait for it.
  boost::asio::steady_timer change_;
  boost::asio::steady_timer closed_;
  CloseReason close_reason_ = CloseReason::kServer;
  bool open_ = true;
  bool pong_due_ = false;
  bool polling_ = false;
  bool posting_ = false;
  bool upgrading_ = false;
  bool poll_released_ = false;
};

}  // namespace chat::engineio
