#include "cli/crowd.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/hash.h"

namespace limpet::cli {
namespace {

// RFC 6455, section 5.2.
constexpr unsigned char kText = 0x81;
constexpr unsigned char kClose = 0x88;
constexpr unsigned char kPing = 0x89;
constexpr unsigned char kPong = 0x8A;
constexpr unsigned char kMasked = 0x80;
constexpr std::size_t kShort = 125;
constexpr std::size_t kMostHead = 16384;

/// A frame as clients send it, with a mask of zeros; for short payloads.
std::string frame(unsigned char first, std::string_view payload) {
  std::string out;
  out += static_cast<char>(first);
  out += static_cast<char>(kMasked | payload.size());
  out.append(4, '\0');
  return out.append(payload);
}

/// The first whole frame of what was received.
struct Frame {
  unsigned char first = 0;
  std::string_view payload;
  std::size_t size = 0;  // 0: not whole yet
};

Frame first_frame(std::string_view bytes) {
  const auto at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 2) return {};
  std::size_t head = 2;
  std::size_t length = at(1) & 0x7FU;
  const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (bytes.size() < head + more) return {};
  if (more > 0) length = 0;
  for (std::size_t i = 0; i < more; ++i) length = length << 8U | at(head + i);
  head += more;
  if (bytes.size() - head < length) return {};
  return {.first = at(0), .payload = bytes.substr(head, length), .size = head + length};
}

}  // namespace

Crowd::Crowd(net::Reactor& reactor, const net::SocketAddress& address, std::string target)
    : reactor_(reactor),
      address_(address),
      target_(std::move(target)),
      engine_io_(target_.contains("EIO=4")) {}

Crowd::~Crowd() {
  LIMPET_CHECK(users_.empty());
}

void Crowd::aim(std::uint32_t users) {
  std::uint32_t staying = 0;
  for (User& user : users_) {
    if (user.leaves) continue;
    if (staying < users) {
      ++staying;
    } else {
      leave(user);
    }
  }
  for (; staying < users; ++staying) net::spawn(live(users_.insert(users_.end(), User{})));
}

void Crowd::leave(User& user) {
  user.leaves = true;
  if (user.socket != nullptr) user.socket->cancel();
}

base::Duration Crowd::pause() {
  constexpr std::uint64_t kSpread = 1000;
  return std::chrono::milliseconds(500 + base::mix_64(1, ++draws_) % kSpread);
}

net::Task<void> Crowd::live(std::list<User>::iterator user) {
  while (!user->leaves) {
    co_await connect(*user);
    if (user->leaves) break;
    net::Sleep sleep(reactor_, pause());
    co_await sleep;
  }
  users_.erase(user);
}

net::Task<void> Crowd::connect(User& user) {
  auto fd = net::Socket::start_connect(address_);
  if (!fd) {
    ++counts_.turned_away;
    co_return;
  }
  net::Socket socket(reactor_, std::move(*fd), base::Side::kServer);
  if (!socket.valid()) co_return;
  user.socket = &socket;
  user.received.clear();
  ++counts_.outside;
  const bool is_in = co_await enter(user, socket);
  --counts_.outside;
  if (is_in) {
    ++counts_.inside;
    ++counts_.visits;
    co_await stay(user, socket);
    --counts_.inside;
    if (!user.leaves) ++counts_.cut;
  } else if (!user.leaves) {
    ++counts_.turned_away;
  }
  user.socket = nullptr;
}

net::Task<bool> Crowd::enter(User& user, net::Socket& socket) {
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      target_, address_.text());
  if (!co_await socket.write(request)) co_return false;
  std::array<char, 4096> buffer;
  while (user.received.size() < kMostHead) {
    const auto count = co_await socket.read(buffer);
    if (!count || *count == 0) co_return false;
    user.received.append(buffer.data(), *count);
    const std::size_t end = user.received.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    if (!user.received.starts_with("HTTP/1.1 101")) co_return false;
    user.received.erase(0, end + 4);
    if (engine_io_ && !co_await socket.write(frame(kText, "40"))) co_return false;
    co_return true;
  }
  co_return false;
}

std::string Crowd::answers(User& user, bool& over) const {
  std::string out;
  for (Frame next = first_frame(user.received); next.size > 0; next = first_frame(user.received)) {
    if (next.first == kPing && next.payload.size() <= kShort) out += frame(kPong, next.payload);
    if (next.first == kClose) over = true;
    if (next.first == kText && engine_io_ && next.payload == "2") out += frame(kText, "3");
    user.received.erase(0, next.size);
  }
  return out;
}

net::Task<void> Crowd::stay(User& user, net::Socket& socket) {
  std::array<char, 4096> buffer;
  bool over = false;
  while (true) {
    const std::string text = answers(user, over);
    if (over) co_return;
    if (!text.empty() && !co_await socket.write(text)) co_return;
    const auto count = co_await socket.read(buffer);
    if (!count || *count == 0) co_return;
    user.received.append(buffer.data(), *count);
  }
}

}  // namespace limpet::cli
