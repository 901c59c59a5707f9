#include "engineio/websocket.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
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

using Stream = beast::websocket::stream<beast::tcp_stream>;

}  // namespace

class WebSocket {
 public:
  WebSocket(beast::tcp_stream connection, std::size_t longest)
      : stream(std::move(connection)), timer(stream.get_executor()), max_message(longest) {}

  /// Breaks the connection: every read and write under way fails.
  void cut() { beast::get_lowest_layer(stream).close(); }

  Stream stream;
  asio::steady_timer timer;
  beast::flat_buffer buffer;
  std::size_t max_message;
  bool too_large = false;  // the last message was
  bool probed = false;
  bool probe_over = false;
};

namespace {

using WebSocketPointer = std::shared_ptr<WebSocket>;
using SessionPointer = std::shared_ptr<Session>;

/// Reads one packet; nothing at the end of the connection, or if the packet is malformed or too large.
asio::awaitable<std::optional<Packet>> read_packet(WebSocket& websocket) {
  websocket.buffer.clear();
  do {
    const auto [error, bytes] = co_await websocket.stream.async_read_some(websocket.buffer, 0, kAsTuple);
    if (error) co_return std::nullopt;
    websocket.too_large = websocket.buffer.size() > websocket.max_message;
    if (websocket.too_large) co_return std::nullopt;
  } while (!websocket.stream.is_message_done());
  std::string data = beast::buffers_to_string(websocket.buffer.data());
  if (websocket.stream.got_binary()) co_return Packet{.data = std::move(data), .binary = true};
  co_return decode_text(data);
}

asio::awaitable<bool> write_packet(WebSocket& websocket, Packet packet) {
  websocket.stream.binary(packet.binary);
  const std::string frame = packet.binary ? std::move(packet.data) : encode_text(packet);
  const auto [error, bytes] = co_await websocket.stream.async_write(asio::buffer(frame), kAsTuple);
  co_return !error;
}

/// Sends what the session queues. Says goodbye and breaks the connection when the session is closed.
asio::awaitable<void> write_loop(WebSocketPointer websocket, SessionPointer session) {
  bool healthy = true;
  while (healthy && (session->open() || session->has_output())) {
    if (!session->has_output()) co_await session->next_change();
    for (Packet& packet : session->take_output()) {
      healthy = co_await write_packet(*websocket, std::move(packet));
      if (!healthy) break;
    }
  }
  if (healthy) co_await close_websocket(websocket);
  websocket->cut();
  websocket->timer.cancel();
}

/// Breaks the connection of a closed session if the goodbye does not get through.
asio::awaitable<void> cut_when_closed(WebSocketPointer websocket, SessionPointer session) {
  co_await session->closed();
  if (!beast::get_lowest_layer(websocket->stream).socket().is_open()) co_return;
  websocket->timer.expires_after(kCloseTime);
  co_await websocket->timer.async_wait(kAsTuple);
  websocket->cut();
}

/// The reading half of an upgrade; true when the client has said its last word on polling.
asio::awaitable<bool> probe(WebSocketPointer websocket, SessionPointer session) {
  const auto ping = co_await read_packet(*websocket);
  if (!ping || ping->type != PacketType::kPing || ping->data != "probe") co_return false;
  if (!co_await write_packet(*websocket, {.type = PacketType::kPong, .data = "probe"})) co_return false;
  websocket->probed = true;
  const auto upgrade = co_await read_packet(*websocket);
  co_return upgrade && upgrade->type == PacketType::kUpgrade && session->open();
}

/// The timing half: lets the hanging GET go so that the client can pause polling, and breaks the connection
/// if the upgrade takes too long or the session ends.
asio::awaitable<void> time_probe(WebSocketPointer websocket, SessionPointer session,
                                 std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (session->open() && std::chrono::steady_clock::now() < deadline) {
    websocket->timer.expires_after(kUpgradeTick);
    co_await websocket->timer.async_wait(kAsTuple);
    if (websocket->probe_over) co_return;
    if (websocket->probed) session->release_poll();
  }
  websocket->cut();
}

}  // namespace

asio::awaitable<WebSocketPointer> accept_websocket(beast::tcp_stream stream, http::Request request,
                                                   std::size_t max_message) {
  stream.expires_never();
  const auto websocket = std::make_shared<WebSocket>(std::move(stream), max_message);
  auto timeouts = beast::websocket::stream_base::timeout::suggested(beast::role_type::server);
  timeouts.idle_timeout = beast::websocket::stream_base::none();  // Engine.IO has a heartbeat of its own
  websocket->stream.set_option(timeouts);
  // Beast would close at its limit with data unread, and the reset would overtake its Close.
  websocket->stream.read_message_max(0);
  const auto [error] = co_await websocket->stream.async_accept(request, kAsTuple);
  co_return error ? nullptr : websocket;
}

asio::awaitable<void> close_websocket(WebSocketPointer websocket) {
  if (!websocket->stream.is_open()) co_return;
  const auto code =
      websocket->too_large ? beast::websocket::close_code::too_big : beast::websocket::close_code::none;
  // Reads on until the client has answered, so that what it still sends does not break the connection.
  co_await websocket->stream.async_close(code, kAsTuple);
}

asio::awaitable<void> serve_websocket(WebSocketPointer websocket, SessionPointer session) {
  const auto executor = websocket->stream.get_executor();
  asio::co_spawn(executor, write_loop(websocket, session), asio::detached);
  asio::co_spawn(executor, cut_when_closed(websocket, session), asio::detached);
  while (session->open()) {
    auto packet = co_await read_packet(*websocket);
    if (!packet) break;
    session->receive(std::move(*packet));
  }
  session->close(CloseReason::kTransportError);
}

asio::awaitable<void> upgrade_to_websocket(WebSocketPointer websocket, SessionPointer session,
                                           Settings settings) {
  asio::co_spawn(websocket->stream.get_executor(), time_probe(websocket, session, settings.upgrade_timeout),
                 asio::detached);
  const bool upgraded = co_await probe(websocket, session);
  websocket->probe_over = true;
  websocket->timer.cancel();
  if (upgraded) {
    session->switch_to_websocket();
    co_await serve_websocket(std::move(websocket), std::move(session));
  } else {
    session->end_upgrade();
    co_await close_websocket(std::move(websocket));
  }
}

}  // namespace chat::engineio
