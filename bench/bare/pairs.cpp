#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "bare/relay.h"

namespace limpet::bench {

void expect(bool holds, const char* what) {
  if (!holds) throw std::system_error(errno, std::generic_category(), what);
}

int Pairs::accept_one(int listening, const sockaddr_in& server) {
  const int client = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client < 0) return -1;
  const int upstream = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  expect(upstream >= 0, "socket");
  const int on = 1;
  for (const int fd : {client, upstream}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Over the loopback it is there at once.
  expect(::connect(upstream, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0, "connect");
  expect(::fcntl(upstream, F_SETFL, O_NONBLOCK) == 0, "fcntl");
  const auto highest = static_cast<std::size_t>(std::max(client, upstream));
  if (highest >= entries_.size()) entries_.resize(2 * highest + 1);
  at(client).peer = upstream;
  at(upstream).peer = client;
  return client;
}

void Pairs::close(int fd) noexcept {
  const int other = at(fd).peer;
  if (other < 0) return;
  for (const int each : {fd, other}) {
    at(each).peer = -1;
    ++at(each).generation;
    ::close(each);
  }
}

}  // namespace limpet::bench
