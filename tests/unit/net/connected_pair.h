#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "net/fd.h"
#include "net/listener.h"
#include "net/reactor.h"

namespace limpet::net {

/// The two ends of a stream, both non-blocking: one for the code under test, one for the test.
struct ConnectedPair {
  Fd ours;
  Fd peers;
};

inline ConnectedPair unix_pair() {
  std::array<int, 2> fds{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

inline ConnectedPair tcp_pair() {
  const auto listening = listen_on(SocketAddress(IpAddress::from_v4(INADDR_LOOPBACK), 0), false);
  EXPECT_TRUE(listening.has_value());
  const SocketAddress address = local_address(listening->get());
  Fd peers(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(peers.get(), address.native(), address.native_length()), 0);
  pollfd ready{.fd = listening->get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
  Fd ours(::accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_TRUE(ours);
  const int on = 1;
  for (const int fd : {ours.get(), peers.get()}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  EXPECT_EQ(::fcntl(peers.get(), F_SETFL, O_NONBLOCK), 0);
  return {std::move(ours), std::move(peers)};
}

/// Closes a TCP socket so that its peer gets a reset.
inline void reset_connection(Fd& fd) {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
  fd.reset();
}

/// Lets the kernel hold about this many bytes at each end on the way to `receiver`. Below a segment of the
/// loopback (64 KiB), TCP becomes very slow.
inline void limit_socket_buffers(const Fd& sender, const Fd& receiver, int bytes) {
  ::setsockopt(sender.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  ::setsockopt(receiver.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

/// Writes what the kernel takes now; returns how much.
inline std::size_t send_some(const Fd& fd, std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(fd.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0) break;
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

/// What a read by the test has brought.
struct Received {
  std::string bytes;
  bool ended = false;  ///< the peer has closed its side
  int error = 0;       ///< errno of a broken connection
};

/// Adds what is there now, at most `most` bytes.
inline void receive_some(const Fd& fd, Received& into, std::size_t most = 16 * 1024 * 1024) {
  std::array<char, 64 * 1024> bytes;  // NOLINT(*-member-init): filled in by the kernel
  while (!into.ended && into.error == 0 && most > 0) {
    const ssize_t count = ::recv(fd.get(), bytes.data(), std::min(bytes.size(), most), 0);
    if (count < 0) {
      if (errno != EAGAIN) into.error = errno;
      return;
    }
    into.ended = count == 0;
    into.bytes.append(bytes.data(), static_cast<std::size_t>(count));
    most -= static_cast<std::size_t>(count);
  }
}

/// Turns the reactor until `done()`, for at most `longest`. Returns whether it came true.
template <class Done>
[[nodiscard]] bool turn_until(Reactor& reactor, Done done,
                              base::Duration longest = std::chrono::seconds(20)) {
  const base::TimePoint end = base::Clock::now() + longest;
  while (!done()) {
    if (base::Clock::now() > end) return false;
    reactor.run_once(std::chrono::milliseconds(1));
  }
  return true;
}

/// Lets everything happen that is about to.
inline void settle(Reactor& reactor) {
  for (int i = 0; i < 20; ++i) reactor.run_once(base::Duration(0));
}

}  // namespace limpet::net
