#include "engineio/websocket.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace chat::engineio {
namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr auto kCloseTime = std::chrono::seconds(5);
constexpr auto kUpgradeTick = std::chrono::milliseconds(100);

/// A WebSocket and its session. The reading, writing and timing coroutines share it; the last one frees it.
struct Link {
  Link(WebSocketStream websocket, std::shared_ptr<Session> owner)
      : stream(std::move(websocket)), session(std::move(owner)), timer(stream.get_executor()) {}

  /// Breaks the connection: every read and write under way fails.
  void cut() { beast::get_lowest_layer(stream).close(); }

  WebSocketStream stream;
  std::shared_ptr<Session> session;
  asio::steady_timer timer;
  beast::flat_buffer buffer;
  bool probed = false;
  bool probe_over = false;
};

using LinkPointer = std::shared_ptr<Link>;

/// Reads one packet; nothing at the end of the connection, or if the packet is malformed.
asio::awaitable<std::optional<Packet>> read_packet(Link& link) {
  link.buffer.clear();
  const auto [error, bytes] = co_await link.stream.async_read(link.buffer, kAsTuple);
  if (error) co_return std::nullopt;
  std::string data = beast::buffers_to_string(link.buffer.data());
  if (link.stream.got_binary()) co_return Packet{.data = std::move(data), .binary = true};
  co_return decode_text(data);
}

asio::awaitable<bool> write_packet(Link& link, Packet packet) {
  link.stream.binary(packet.binary);
  const std::string frame = packet.binary ? std::move(packet.data) : encode_text(packet);
  const auto [error, bytes] = co_await link.stream.async_write(asio::buffer(frame), kAsTuple);
  co_return !error;
}

/// Sends what the session queues. Says goodbye and breaks the connection when the session is closed.
asio::awaitable<void> write_loop(LinkPointer link) {
  Session& session = *link->session;
  bool healthy = true;
  while (healthy && (session.open() || session.has_output())) {
    if (!session.has_output()) co_await session.next_change();
    for (Packet& packet : session.take_output()) {
      healthy = co_await write_packet(*link, std::move(packet));
      if (!healthy) break;
    }
  }
  if (healthy && link->stream.is_open()) {
    co_await link->stream.async_close(beast::websocket::close_reason(), kAsTuple);
  }
  link->cut();
  link->timer.cancel();
}

/// Breaks the connection of a closed session if the goodbye does not get through.
asio::awaitable<void> cut_when_closed(LinkPointer link) {
  co_await link->session->closed();
  if (!beast::get_lowest_layer(link->stream).socket().is_open()) co_return;
  link->timer.expires_after(kCloseTime);
  co_await link->timer.async_wait(kAsTuple);
  link->cut();
}

/// Serves the link until the client goes or the session ends.
asio::awaitable<void> serve(LinkPointer link) {
  const auto executor = link->stream.get_executor();
  asio::co_spawn(executor, write_loop(link), asio::detached);
  asio::co_spawn(executor, cut_when_closed(link), asio::detached);
  while (link->session->open()) {
    auto packet = co_await read_packet(*link);
    if (!packet) break;
    link->session->receive(std::move(*packet));
  }
  link->session->close(CloseReason::kTransportError);
}

/// The reading half of an upgrade; true when the client has said its last word on polling.
asio::awaitable<bool> probe(LinkPointer link) {
  const auto ping = co_await read_packet(*link);
  if (!ping || ping->type != PacketType::kPing || ping->data != "probe") co_return false;
  if (!co_await write_packet(*link, {.type = PacketType::kPong, .data = "probe"})) co_return false;
  link->probed = true;
  const auto upgrade = co_await read_packet(*link);
  co_return upgrade && upgrade->type == PacketType::kUpgrade && link->session->open();
}

/// The timing half: lets the hanging GET go so that the client can pause polling, and breaks the connection
/// if the upgrade takes too long or the session ends.
asio::awaitable<void> time_probe(LinkPointer link, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (link->session->open() && std::chrono::steady_clock::now() < deadline) {
    link->timer.expires_after(kUpgradeTick);
    co_await link->timer.async_wait(kAsTuple);
    if (link->probe_over) co_return;
    if (link->probed) link->session->release_poll();
  }
  link->cut();
}

}  // namespace

asio::awaitable<void> serve_websocket(WebSocketStream stream, std::shared_ptr<Session> session) {
  co_await serve(std::make_shared<Link>(std::move(stream), std::move(session)));
}

asio::awaitable<void> upgrade_to_websocket(WebSocketStream stream, std::shared_ptr<Session> session,
                                           Settings settings) {
  const auto link = std::make_shared<Link>(std::move(stream), std::move(session));
  asio::co_spawn(link->stream.get_executor(), time_probe(link, settings.upgrade_timeout), asio::detached);
  const bool upgraded = co_await probe(link);
  link->probe_over = true;
  link->timer.cancel();
  if (upgraded) {
    link->session->switch_to_websocket();
    co_await serve(link);
  } else {
    link->session->end_upgrade();
    if (link->stream.is_open()) {
      co_await link->stream.async_close(beast::websocket::close_reason(), kAsTuple);
    }
  }
}

}  // namespace chat::engineio
