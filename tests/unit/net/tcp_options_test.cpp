#include "net/tcp_options.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/fd.h"

namespace limpet::net {
namespace {

int option(const Fd& fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &length), 0);
  return value;
}

Fd socket_to(const char* address) {
  const auto ip = IpAddress::parse(address);
  const SocketAddress peer(*ip, 80);
  Fd fd(::socket(peer.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  set_tcp_options(fd.get(), peer);
  return fd;
}

TEST(TcpOptions, APeerThatVanishesIsNoticedWithinTwoMinutes) {
  const Fd fd = socket_to("192.0.2.1");
  EXPECT_NE(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_LE(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT),
            120);
}

TEST(TcpOptions, APeerOnThisMachineIsNotProbed) {
  for (const char* const address : {"127.0.0.1", "127.3.2.1", "::1"}) {
    const Fd fd = socket_to(address);
    EXPECT_NE(option(fd, IPPROTO_TCP, TCP_NODELAY), 0) << address;
    EXPECT_EQ(option(fd, SOL_SOCKET, SO_KEEPALIVE), 0) << address;
  }
}

}  // namespace
}  // namespace limpet::net
