#include "cli/demo/crowd.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "cli/demo/plan.h"

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

/// The session cookie's value that an answer's head sets, or nothing.
std::string cookie_in(std::string_view head) {
  const std::string start = fmt::format("\r\nset-cookie: {}=", kCookieName);
  const std::size_t at = base::to_lower(head).find(start);
  if (at == std::string::npos) return {};
  const std::string_view rest = head.substr(at + start.size());
  return std::string(rest.substr(0, rest.find_first_of(";\r")));
}

}  // namespace

Crowd::Crowd(net::Reactor& reactor, const net::SocketAddress& address, std::string target,
             base::Duration session)
    : reactor_(reactor),
      address_(address),
      target_(std::move(target)),
      session_(session),
      engine_io_(target_.contains("EIO=4")) {}

Crowd::~Crowd() {
  LIMPET_CHECK(users_.empty());
}

void Crowd::aim(std::uint32_t users) {
  const base::TimePoint now = base::Clock::now();
  std::uint32_t staying = 0;
  for (User& user : users_) {
    if (user.leaves) continue;
    if (staying < users && user.leaves_at > now) {
      ++staying;
    } else {
      leave(user);
    }
  }
  for (; staying < users; ++staying) {
    const auto user =
        users_.insert(users_.end(), User{.leaves_at = now + session_ / 2 + session_ * draw(1000) / 1000});
    net::spawn(live(user));
  }
}

void Crowd::leave(User& user) {
  user.leaves = true;
  if (user.socket != nullptr) user.socket->cancel();
}

std::int64_t Crowd::draw(std::uint64_t below) {
  return static_cast<std::int64_t>(base::mix_64(1, ++draws_) % below);
}

net::Task<void> Crowd::live(std::list<User>::iterator user) {
  while (!user->leaves) {
    co_await connect(*user);
    if (user->leaves) break;
    net::Sleep sleep(reactor_, std::chrono::milliseconds(500 + draw(1000)));
    co_await sleep;
  }
  note_back(*user);
  users_.erase(user);
}

net::Task<void> Crowd::connect(User& user) {
  auto fd = net::Socket::start_connect(address_);
  if (!fd) co_return;
  net::Socket socket(reactor_, std::move(*fd), base::Side::kServer);
  if (!socket.valid()) co_return;
  user.socket = &socket;
  user.received.clear();
  if (co_await enter(user, socket)) {
    note_back(user);
    ++counts_.inside;
    ++counts_.visits;
    co_await stay(user, socket);
    --counts_.inside;
    if (!user.leaves) note_cut(user);
  }
  user.socket = nullptr;
}

void Crowd::note_cut(User& user) {
  if (!lost_.contains(user.cookie)) {
    ++counts_.cut;
    return;
  }
  ++counts_.lost;
  ++counts_.away;
  user.is_away = true;
}

void Crowd::note_back(User& user) {
  if (!std::exchange(user.is_away, false)) return;
  --counts_.away;
  counts_.back_at = base::Clock::now();
}

net::Task<bool> Crowd::enter(User& user, net::Socket& socket) {
  const std::string request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
      target_, address_.text(),
      user.cookie.empty() ? "" : fmt::format("Cookie: {}={}\r\n", kCookieName, user.cookie));
  if (!co_await socket.write(request)) co_return false;
  std::array<char, 4096> buffer;
  while (user.received.size() < kMostHead) {
    const auto count = co_await socket.read(buffer);
    if (!count || *count == 0) co_return false;
    user.received.append(buffer.data(), *count);
    const std::size_t end = user.received.find("\r\n\r\n");
    if (end == std::string::npos) continue;
    if (!user.received.starts_with("HTTP/1.1 101")) co_return false;
    if (auto cookie = cookie_in(std::string_view(user.received).substr(0, end)); !cookie.empty()) {
      user.cookie = std::move(cookie);
    }
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
