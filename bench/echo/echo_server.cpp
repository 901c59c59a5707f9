#include "echo/echo_server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>

#include "wire/http_head.h"
#include "wire/sockets.h"
#include "wire/stamp.h"

namespace limpet::bench {
namespace {

constexpr std::size_t kInputSize = 256 * 1024;
constexpr std::size_t kMaxRequest = 64 * 1024;
constexpr std::size_t kMaxCommand = 125;
constexpr std::string_view kFanOutCommand = "fanout ";
constexpr std::uint64_t kMaxFanOut = 16 * 1024 * 1024;

constexpr std::string_view kHello = "hello from limpet-echo\n";
constexpr std::string_view kPollHandshake =
    R"(0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})";
constexpr std::string_view kPollEvents =
    R"(42["message",{"id":1742,"from":"lv_VI97HAXpY6yYWAAAC","text":"a short line of chat"}])";

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

/// Reads the next blank-separated number of a command.
std::optional<std::uint64_t> next_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

struct EchoServer::Connection {
  /// What becomes of the frame that is being read.
  enum class Treatment : std::uint8_t { kEcho, kHold, kDrop };

  Descriptor socket;
  FrameReader frames;
  std::string unread;    ///< The beginning of a request that has not come in whole.
  std::string unsent;    ///< Output the socket did not take; nothing is read while it is not empty.
  std::size_t sent = 0;  ///< How much of `unsent` the socket has taken since.
  std::string held;      ///< A short text frame, looked at when it is whole: it may be a command.
  Treatment treatment = Treatment::kEcho;
  bool websocket = false;
  bool closing = false;  ///< Closes once `unsent` is empty.
};

/// Turns the frames of one read into the answer in `output_`.
class EchoServer::FrameEcho {
 public:
  FrameEcho(EchoServer& server, Connection& connection) : server_(server), connection_(connection) {}

  void begin(const FrameHeader& header) {
    connection_.treatment = treatment_of(header);
    if (connection_.treatment == Treatment::kEcho) append_reply_header(header);
  }

  void payload(std::span<char> piece, std::uint64_t) {
    if (connection_.treatment == Treatment::kEcho) server_.output_.append(piece.data(), piece.size());
    if (connection_.treatment == Treatment::kHold) connection_.held.append(piece.data(), piece.size());
  }

  void end(const FrameHeader& header) {
    if (header.opcode == Opcode::kClose) connection_.closing = true;
    if (header.opcode <= Opcode::kBinary) {
      ++server_.statistics_.messages;
      server_.statistics_.payload_bytes += header.length;
    }
    if (connection_.treatment != Treatment::kHold) return;
    if (connection_.held.starts_with(kFanOutCommand)) {
      server_.fan_out(std::string_view(connection_.held).substr(kFanOutCommand.size()));
    } else {
      append_reply_header(header);
      server_.output_ += connection_.held;
    }
    connection_.held.clear();
  }

 private:
  using Treatment = Connection::Treatment;

  static Treatment treatment_of(const FrameHeader& header) {
    if (header.opcode == Opcode::kPong) return Treatment::kDrop;
    const bool may_be_command = header.opcode == Opcode::kText && header.fin && header.length <= kMaxCommand;
    return may_be_command ? Treatment::kHold : Treatment::kEcho;
  }

  void append_reply_header(const FrameHeader& header) {
    auto reply = header;
    reply.masked = false;
    if (header.opcode == Opcode::kPing) reply.opcode = Opcode::kPong;
    append_header(server_.output_, reply);
  }

  EchoServer& server_;
  Connection& connection_;
};

EchoServer::EchoServer(Descriptor listener) : listener_(std::move(listener)), input_(kInputSize) {
  epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) fail("epoll_create1");
  sigset_t stop{};
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  signals_ = Descriptor(signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) fail("signalfd");
  for (const int fd : {listener_.get(), signals_.get()}) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }
}

EchoServer::~EchoServer() = default;

void EchoServer::run() {
  std::array<epoll_event, 512> events{};
  for (;;) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (const auto& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      const int fd = event.data.fd;
      if (fd == signals_.get()) return;
      if (fd == listener_.get()) {
        accept_all();
        continue;
      }
      auto& connection = connections_[static_cast<std::size_t>(fd)];
      if (!connection) continue;
      if ((event.events & EPOLLOUT) != 0)
        flush(*connection);
      else
        read_ready(*connection);
    }
  }
}

void EchoServer::accept_all() {
  constexpr int kAcceptsPerTurn = 64;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Descriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid()) return;
    disable_nagle(client.get());
    const auto slot = static_cast<std::size_t>(client.get());
    if (connections_.size() <= slot) connections_.resize(slot + 1);
    connections_[slot] = std::make_unique<Connection>();
    connections_[slot]->socket = std::move(client);
    ++statistics_.accepted;
    watch(*connections_[slot], EPOLLIN, EPOLL_CTL_ADD);
  }
}

void EchoServer::read_ready(Connection& connection) {
  const auto size = recv(connection.socket.get(), input_.data(), input_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return close(connection);
  ++statistics_.reads;
  received(connection, std::span(input_).first(static_cast<std::size_t>(size)));
}

void EchoServer::received(Connection& connection, std::span<char> data) {
  output_.clear();
  if (connection.websocket) {
    frames_received(connection, data);
  } else if (connection.unread.empty()) {
    const auto used = answer_requests(connection, {data.data(), data.size()});
    if (connection.websocket)
      frames_received(connection, data.subspan(used));
    else
      connection.unread.assign(data.data() + used, data.size() - used);
  } else {
    auto bytes = std::move(connection.unread);
    connection.unread.clear();
    bytes.append(data.data(), data.size());
    const auto used = answer_requests(connection, bytes);
    if (connection.websocket)
      frames_received(connection, std::span(bytes).subspan(used));
    else
      connection.unread = bytes.substr(used);
  }
  if (connection.unread.size() > kMaxRequest) return close(connection);
  send(connection, output_);
  if (connection.closing && connection.unsent.empty()) close(connection);
}

void EchoServer::frames_received(Connection& connection, std::span<char> data) {
  FrameEcho echo(*this, connection);
  if (!connection.frames.feed(data, echo)) connection.closing = true;
}

std::size_t EchoServer::answer_requests(Connection& connection, std::string_view bytes) {
  std::size_t used = 0;
  while (!connection.websocket && !connection.closing) {
    const auto rest = bytes.substr(used);
    const auto head = complete_head(rest);
    if (!head) break;
    const auto body = content_length(*head).value_or(0);
    if (rest.size() - head->size() < body) break;
    used += head->size() + static_cast<std::size_t>(body);
    if (has_token(*head, "upgrade", "websocket"))
      upgrade(connection, *head);
    else
      answer(connection, *head);
  }
  return used;
}

void EchoServer::upgrade(Connection& connection, std::string_view head) {
  const auto key = field_value(head, "sec-websocket-key");
  if (!key) {
    output_ += "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    connection.closing = true;
    return;
  }
  output_ += fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\n\r\n",
      accept_key(*key));
  connection.websocket = true;
  ++statistics_.upgrades;
}

void EchoServer::answer(Connection& connection, std::string_view head) {
  ++statistics_.requests;
  connection.closing = has_token(head, "connection", "close");
  if (field_value(head, "transfer-encoding")) {
    output_ += "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    connection.closing = true;
    return;
  }
  std::string_view body = kHello;
  std::string_view fields;
  const auto target = head.substr(head.find(' ') + 1);
  if (target.starts_with("/socket.io/")) {
    fields = "Cache-Control: no-store\r\n";
    body = head.starts_with("POST") ? "ok" : kPollEvents;
    const auto uri = target.substr(0, target.find(' '));
    if (head.starts_with("GET") && uri.find("sid=") == std::string_view::npos) {
      fields =
          "Cache-Control: no-store\r\nSet-Cookie: io=lv_VI97HAXpY6yYWAAAC; Path=/; HttpOnly; "
          "SameSite=Lax\r\n";
      body = kPollHandshake;
    }
  }
  output_ += fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n{}Content-Length: {}\r\n{}\r\n{}",
      fields, body.size(), connection.closing ? "Connection: close\r\n" : "", body);
}

void EchoServer::fan_out(std::string_view command) {
  const auto size = next_number(command);
  const auto sequence = next_number(command);
  const auto sent = next_number(command);
  if (!size || !sequence || !sent || *size < kStampSize || *size > kMaxFanOut) return;
  std::string message;
  append_header(message, {.length = *size});
  append_payload(message, {.sent_ns = static_cast<std::int64_t>(*sent), .sequence = *sequence},
                 static_cast<std::size_t>(*size));
  for (const auto& connection : connections_)
    if (connection && connection->websocket && !connection->closing) send(*connection, message);
}

void EchoServer::send(Connection& connection, std::string_view bytes) {
  if (!connection.unsent.empty()) {
    connection.unsent += bytes;
    return;
  }
  while (!bytes.empty()) {
    const auto sent = ::send(connection.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) {
      connection.closing = true;
      break;
    }
    if (sent < 0) {
      connection.unsent = bytes;
      connection.sent = 0;
      watch(connection, EPOLLOUT, EPOLL_CTL_MOD);
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void EchoServer::flush(Connection& connection) {
  const auto rest = std::string_view(connection.unsent).substr(connection.sent);
  const auto taken = ::send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (taken < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (taken < 0) return close(connection);
  connection.sent += static_cast<std::size_t>(taken);
  if (connection.sent < connection.unsent.size()) return;
  connection.unsent = {};
  if (connection.closing) return close(connection);
  watch(connection, EPOLLIN, EPOLL_CTL_MOD);
}

void EchoServer::watch(Connection& connection, std::uint32_t events, int operation) {
  epoll_event event{.events = events, .data = {.fd = connection.socket.get()}};
  epoll_ctl(epoll_.get(), operation, connection.socket.get(), &event);
}

void EchoServer::close(Connection& connection) {
  connections_[static_cast<std::size_t>(connection.socket.get())].reset();
}

}  // namespace limpet::bench
