#include "load/fleet.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "wire/http_head.h"
#include "wire/sockets.h"

namespace limpet::bench {
namespace {

constexpr std::size_t kInputSize = 256 * 1024;
constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::uint32_t kFirstSource = 0x7f0a0001;  // 127.10.0.1
constexpr std::uint32_t kInputIndex = 0xffffffff;

std::string upgrade_request(std::uint64_t seed, const sockaddr_in& target) {
  return fmt::format(
      "GET /echo HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "User-Agent: limpet-load\r\nOrigin: http://127.0.0.1:{}\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: {}\r\n\r\n",
      ntohs(target.sin_port), ntohs(target.sin_port), websocket_key(seed));
}

timespec to_timespec(std::int64_t nanoseconds) {
  return {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
}

}  // namespace

/// Compares messages with the pattern as their pieces come in.
class Fleet::FrameCheck {
 public:
  FrameCheck(Fleet& fleet, Connection& connection, std::int64_t now)
      : fleet_(fleet), connection_(connection), now_(now) {}

  void begin(const FrameHeader& header) { connection_.intact = !header.masked; }

  void payload(std::span<const char> piece, std::uint64_t offset) {
    if (offset < kStampSize) {
      const auto place = static_cast<std::size_t>(offset);
      const auto size = std::min(piece.size(), kStampSize - place);
      std::memcpy(connection_.stamp.data() + place, piece.data(), size);
      piece = piece.subspan(size);
      offset += size;
    }
    if (!matches_pattern(piece, offset)) connection_.intact = false;
  }

  void end(const FrameHeader& header) {
    if (header.opcode == Opcode::kClose) return;
    const bool intact = connection_.intact && header.opcode == Opcode::kBinary && header.length >= kStampSize;
    fleet_.workload_->message(connection_, {read_stamp(connection_.stamp), header.length, intact, now_});
  }

 private:
  Fleet& fleet_;
  Connection& connection_;
  std::int64_t now_;
};

Fleet::Fleet(const Options& options, Recorder& recorder)
    : options_(options),
      recorder_(recorder),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(options.clients),
      input_(kInputSize) {
  if (!epoll_.valid()) throw std::system_error(errno, std::system_category(), "epoll_create1");
  for (std::uint32_t i = 0; i < options.clients; ++i) connections_[i].index = i;
}

void Fleet::connect(Connection& connection) {
  if (in_flight_ < options_.open_parallel)
    begin_connect(connection);
  else
    waiting_.push_back(connection.index);
}

void Fleet::connect_waiting() {
  while (!waiting_.empty() && in_flight_ < options_.open_parallel) {
    auto& connection = connections_[waiting_.front()];
    waiting_.pop_front();
    begin_connect(connection);
  }
}

void Fleet::begin_connect(Connection& connection) {
  connection.started_ns = now_ns();
  connection.frames = FrameReader{};
  auto socket = start_connect(options_.target, kFirstSource + connection.index % options_.sources);
  if (!socket)
    return give_up(connection, Failure::kConnect, fmt::format("connect: {}", std::strerror(socket.error())));
  connection.socket = std::move(*socket);
  connection.state = Connection::State::kConnecting;
  connection.watching_output = true;
  ++in_flight_;
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.u32 = connection.index}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event);
}

void Fleet::send(Connection& connection, std::string_view bytes) {
  if (connection.unsent.empty()) {
    const auto sent = ::send(connection.socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    // An error other than a full buffer shows again at the next read, which is where it is reported.
    if (bytes.empty() || (sent < 0 && errno != EAGAIN)) return;
    connection.sent = 0;
    watch_output(connection, true);
  }
  connection.unsent += bytes;
}

void Fleet::close(Connection& connection) {
  using enum Connection::State;
  if (connection.state == kOpen) --open_;
  if (connection.state == kConnecting || connection.state == kUpgrading) --in_flight_;
  connection.state = kClosed;
  connection.socket.reset();
  connection.unread = {};
  connection.unsent = {};
}

bool Fleet::run_until(std::int64_t deadline, const std::function<bool()>& done) {
  std::array<epoll_event, 512> events{};
  while (!done()) {
    connect_waiting();
    const auto due = std::min(workload_->wake(now_ns()), deadline);
    const auto now = now_ns();
    if (now >= deadline) return false;
    const auto wait = to_timespec(std::max<std::int64_t>(due - now, 0));
    const int count =
        epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &wait, nullptr);
    for (const auto& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (event.data.u32 == kInputIndex)
        input_ready_ = true;
      else
        handle(connections_[event.data.u32], event.events);
    }
  }
  return true;
}

bool Fleet::watch_input(int fd) {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.u32 = kInputIndex}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Fleet::take_input_ready() {
  return std::exchange(input_ready_, false);
}

void Fleet::handle(Connection& connection, std::uint32_t events) {
  using enum Connection::State;
  if (connection.state == kClosed) return;
  if (connection.state == kConnecting) return connected(connection);
  if ((events & EPOLLOUT) != 0) flush(connection);
  if (connection.state != kClosed && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) readable(connection);
}

void Fleet::connected(Connection& connection) {
  const int error = connect_result(connection.socket.get());
  if (error != 0)
    return give_up(connection, Failure::kConnect, fmt::format("connect: {}", std::strerror(error)));
  watch_output(connection, false);
  if (!workload_->websocket()) return opened(connection);
  connection.state = Connection::State::kUpgrading;
  connection.key_seed = next_key_seed_++;
  send(connection, upgrade_request(connection.key_seed, options_.target));
}

void Fleet::opened(Connection& connection) {
  connection.state = Connection::State::kOpen;
  --in_flight_;
  ++open_;
  workload_->opened(connection);
}

void Fleet::readable(Connection& connection) {
  const auto size = recv(connection.socket.get(), input_.data(), input_.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return lost(connection, size == 0 ? "closed by the other side" : std::strerror(errno));
  received(connection, std::span(input_).first(static_cast<std::size_t>(size)), now_ns());
}

void Fleet::received(Connection& connection, std::span<char> data, std::int64_t now) {
  if (connection.state == Connection::State::kOpen && workload_->websocket())
    return frames_received(connection, data, now);
  if (connection.unread.empty()) return response_received(connection, data, now);
  auto bytes = std::move(connection.unread);
  connection.unread.clear();
  bytes.append(data.data(), data.size());
  response_received(connection, bytes, now);
}

void Fleet::response_received(Connection& connection, std::span<char> data, std::int64_t now) {
  std::size_t used = 0;
  if (connection.state == Connection::State::kUpgrading) {
    used = finish_upgrade(connection, {data.data(), data.size()});
    if (used > 0) return frames_received(connection, data.subspan(used), now);
  } else {
    used = workload_->response(connection, {data.data(), data.size()}, now);
  }
  if (connection.state == Connection::State::kClosed) return;
  if (data.size() - used > kMaxHead) return lost(connection, "a response head of more than 64 KiB");
  connection.unread.assign(data.data() + used, data.size() - used);
}

void Fleet::frames_received(Connection& connection, std::span<char> data, std::int64_t now) {
  FrameCheck check(*this, connection, now);
  if (connection.frames.feed(data, check)) return;
  recorder_.failed(Failure::kMismatch, "not a WebSocket frame");
  close(connection);
}

std::size_t Fleet::finish_upgrade(Connection& connection, std::string_view bytes) {
  const auto head = complete_head(bytes);
  if (!head) return 0;
  const auto accepted = field_value(*head, "sec-websocket-accept");
  if (status_of(*head) != 101 || accepted != accept_key(websocket_key(connection.key_seed))) {
    give_up(connection, Failure::kHandshake, fmt::format("handshake answered: {}", head->substr(0, 200)));
    return 0;
  }
  opened(connection);
  return head->size();
}

void Fleet::flush(Connection& connection) {
  const auto rest = std::string_view(connection.unsent).substr(connection.sent);
  const auto taken = ::send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (taken < 0) return;
  connection.sent += static_cast<std::size_t>(taken);
  if (connection.sent < connection.unsent.size()) return;
  connection.unsent.clear();
  watch_output(connection, false);
}

void Fleet::watch_output(Connection& connection, bool wanted) {
  if (connection.watching_output == wanted) return;
  connection.watching_output = wanted;
  epoll_event event{.events = EPOLLIN | (wanted ? EPOLLOUT : 0U), .data = {.u32 = connection.index}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.socket.get(), &event);
}

void Fleet::give_up(Connection& connection, Failure kind, std::string_view text) {
  recorder_.failed(kind, text);
  ++failed_;
  close(connection);
}

void Fleet::lost(Connection& connection, std::string_view text) {
  if (connection.state == Connection::State::kUpgrading)
    return give_up(connection, Failure::kHandshake, fmt::format("during the handshake: {}", text));
  const bool expected = workload_->closed(connection, now_ns());
  if (expected) return;
  recorder_.failed(Failure::kClosed, text);
  close(connection);
}

}  // namespace limpet::bench
