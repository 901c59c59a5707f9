#include "unit/cli/fake_admin.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "net/address.h"
#include "net/listener.h"

namespace limpet::cli {

FakeAdmin::FakeAdmin(Answer answer) : answer_(std::move(answer)) {
  auto listener = net::listen_on(*net::parse_listen_address("127.0.0.1:0"), false);
  if (!listener) throw std::runtime_error(listener.error());
  listener_ = std::move(*listener);
  port_ = net::local_address(listener_.get()).port();
  thread_ = std::jthread([this] { serve(); });
}

FakeAdmin::~FakeAdmin() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
}

std::string FakeAdmin::address() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

std::vector<std::string> FakeAdmin::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FakeAdmin::serve() {
  while (!stopping_) {
    pollfd waiting{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 1000) <= 0) continue;
    const net::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) continue;
    std::string request;
    std::array<char, 4096> block{};
    while (!request.ends_with("\r\n\r\n")) {
      const ssize_t got = ::recv(client.get(), block.data(), block.size(), 0);
      if (got <= 0) break;
      request.append(block.data(), static_cast<std::size_t>(got));
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const std::string bytes = answer_(request);
    static_cast<void>(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
}

std::string json_answer(std::string_view body, std::string_view status) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", status,
                     body.size(), body);
}

std::string server_json(std::string_view id, std::string_view service, std::string_view url,
                        std::string_view status, int connections, std::string_view capacity) {
  return fmt::format(
      R"({{"id":"{}","service":"{}","url":"{}","status":"{}","connections":{},"capacity":{},"cookieValue":"c-{}"}})",
      id, service, url, status, connections, capacity, id);
}

}  // namespace limpet::cli
