#include "scaling/drivers/readiness.h"

#include <sys/socket.h>

#include <utility>

#include "base/clock.h"
#include "config/model/dynamic.h"
#include "health/http_check.h"
#include "net/socket.h"

namespace limpet::scaling {
namespace {

constexpr base::Duration kStep = std::chrono::milliseconds(20);
constexpr base::Duration kTimeout = std::chrono::seconds(2);

bool is_connected(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

bool has_failed(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

}  // namespace

net::Task<bool> answers(net::Reactor& reactor, net::SocketAddress address, std::string url,
                        std::string path) {
  if (!path.empty()) {
    config::HealthCheck asked;
    asked.path = std::move(path);
    asked.timeout = kTimeout;
    auto request = health::make_check_request(url, {address}, asked);
    if (!request) co_return false;
    health::HttpCheck check(reactor, std::move(*request));
    const auto result = co_await check.run();
    co_return result.has_value();
  }
  const auto fd = net::Socket::start_connect(address);
  if (!fd) co_return false;
  const base::TimePoint end = base::Clock::now() + kTimeout;
  do {
    net::Sleep pause(reactor, kStep);
    co_await pause;
    if (is_connected(fd->get())) co_return true;
  } while (!has_failed(fd->get()) && base::Clock::now() < end);
  co_return false;
}

}  // namespace limpet::scaling
