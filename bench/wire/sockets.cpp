#include "wire/sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

namespace limpet::bench {
namespace {

/// The socket interface takes every address family through one pointer type.
const sockaddr* generic(const sockaddr_in* address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(address));
}

void enable(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof on);
}

}  // namespace

std::expected<sockaddr_in, std::string> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::unexpected(fmt::format("'{}' has no port: write 127.0.0.1:8000", text));
  const std::string host(text.substr(0, colon));
  const auto port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size())
    return std::unexpected(fmt::format("'{}' is not a port", port_text));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    return std::unexpected(fmt::format("'{}' is not an IPv4 address", host));
  return address;
}

std::expected<Descriptor, std::string> listen_on(const sockaddr_in& address) {
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener.valid()) return std::unexpected(fmt::format("socket: {}", std::strerror(errno)));
  enable(listener.get(), SOL_SOCKET, SO_REUSEADDR);
  enable(listener.get(), SOL_SOCKET, SO_REUSEPORT);
  if (bind(listener.get(), generic(&address), sizeof address) != 0)
    return std::unexpected(fmt::format("bind port {}: {}", ntohs(address.sin_port), std::strerror(errno)));
  if (listen(listener.get(), 65535) != 0)
    return std::unexpected(
        fmt::format("listen on port {}: {}", ntohs(address.sin_port), std::strerror(errno)));
  return listener;
}

std::expected<Descriptor, int> start_connect(const sockaddr_in& target, std::uint32_t source) {
  Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!client.valid()) return std::unexpected(errno);
  disable_nagle(client.get());
  enable(client.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_addr.s_addr = htonl(source);
  if (bind(client.get(), generic(&local), sizeof local) != 0) return std::unexpected(errno);
  if (connect(client.get(), generic(&target), sizeof target) != 0 && errno != EINPROGRESS)
    return std::unexpected(errno);
  return client;
}

int connect_result(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

void disable_nagle(int fd) {
  enable(fd, IPPROTO_TCP, TCP_NODELAY);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace limpet::bench
