#include "engineio/session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <utility>

namespace chat::engineio {
namespace asio = boost::asio;

namespace {
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
}

Session::Session(asio::any_io_executor executor, std::string id, Transport transport,
                 asio::ip::tcp::endpoint local, const Settings& settings, SessionListener& listener)
    : id_(std::move(id)),
      local_(std::move(local)),
      settings_(settings),
      listener_(listener),
      transport_(transport),
      heartbeat_timer_(executor),
      change_(executor, asio::steady_timer::time_point::max()),
      closed_(executor, asio::steady_timer::time_point::max()) {}

void Session::start() {
  nlohmann::json upgrades = nlohmann::json::array();
  if (transport_ == Transport::kPolling) upgrades.push_back("websocket");
  const nlohmann::json handshake = {{"sid", id_},
                                    {"upgrades", upgrades},
                                    {"pingInterval", settings_.ping_interval.count()},
                                    {"pingTimeout", settings_.ping_timeout.count()},
                                    {"maxPayload", settings_.max_payload}};
  send({.type = PacketType::kOpen, .data = handshake.dump()});
  auto keep_alive = [self = shared_from_this()]() -> asio::awaitable<void> { co_await self->heartbeat(); };
  asio::co_spawn(heartbeat_timer_.get_executor(), std::move(keep_alive), asio::detached);
}

void Session::send(Packet packet) {
  if (!open_) return;
  output_bytes_ += packet.data.size() + sizeof(Packet);
  output_.push_back(std::move(packet));
  wake();
  if (output_bytes_ > settings_.max_waiting) {
    // Not at once: the caller may be walking through a list that closing changes.
    asio::post(change_.get_executor(),
               [self = shared_from_this()] { self->close(CloseReason::kSlowClient); });
  }
}

void Session::receive(Packet packet) {
  if (!open_) return;
  switch (packet.type) {
    case PacketType::kMessage:
      listener_.on_message(*this, std::move(packet));
      break;
    case PacketType::kPong:
      pong_due_ = false;
      heartbeat_timer_.cancel();
      break;
    case PacketType::kPing:  // in protocol 4 only the server pings
      close(CloseReason::kTransportError);
      break;
    case PacketType::kClose:
      close(CloseReason::kClient);
      break;
    case PacketType::kOpen:
    case PacketType::kUpgrade:
    case PacketType::kNoop:
      break;
  }
}

void Session::close(CloseReason reason) {
  if (!open_) return;
  open_ = false;
  close_reason_ = reason;
  heartbeat_timer_.cancel();
  wake();
  closed_.cancel();
  listener_.on_close(*this, reason);
}

std::vector<Packet> Session::take_output() {
  output_bytes_ = 0;
  return std::exchange(output_, {});
}

asio::awaitable<void> Session::next_change() {
  co_await change_.async_wait(kAsTuple);
}

asio::awaitable<void> Session::closed() {
  if (open_) co_await closed_.async_wait(kAsTuple);
}

bool Session::begin_poll() {
  poll_released_ = false;
  return !std::exchange(polling_, true);
}

bool Session::begin_post() {
  return !std::exchange(posting_, true);
}

bool Session::begin_upgrade() {
  if (!open_ || transport_ == Transport::kWebSocket) return false;
  return !std::exchange(upgrading_, true);
}

void Session::release_poll() {
  if (!polling_) return;
  poll_released_ = true;
  wake();
}

void Session::switch_to_websocket() {
  upgrading_ = false;
  transport_ = Transport::kWebSocket;
  wake();
}

asio::awaitable<void> Session::heartbeat() {
  while (open_) {
    heartbeat_timer_.expires_after(settings_.ping_interval);
    const auto [interrupted] = co_await heartbeat_timer_.async_wait(kAsTuple);
    if (interrupted) continue;  // closed, or an early pong, which starts the interval anew
    if (!open_) break;
    send({.type = PacketType::kPing});
    pong_due_ = true;
    heartbeat_timer_.expires_after(settings_.ping_timeout);
    co_await heartbeat_timer_.async_wait(kAsTuple);
    if (open_ && pong_due_) close(CloseReason::kPingTimeout);
  }
}

}  // namespace chat::engineio
