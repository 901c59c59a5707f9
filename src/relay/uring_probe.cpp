#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "net/listener.h"
#include "relay/engine.h"
#include "relay/ring.h"

namespace limpet::relay {
namespace {

constexpr int kWaitMs = 100;
constexpr int kWaits = 5;

struct Connection {
  net::Fd ours;
  net::Fd peers;
};

std::optional<Connection> connect_over_loopback() {
  const net::SocketAddress any_port(net::IpAddress::from_v4(INADDR_LOOPBACK), 0);
  const auto listening = net::listen_on(any_port, false);
  if (!listening) return std::nullopt;
  const net::SocketAddress address = net::local_address(listening->get());
  Connection made{.ours = {}, .peers = net::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  if (::connect(made.peers.get(), address.native(), address.native_length()) != 0) return std::nullopt;
  pollfd ready{.fd = listening->get(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, kWaitMs) != 1) return std::nullopt;
  made.ours = net::Fd(::accept4(listening->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!made.ours) return std::nullopt;
  return made;
}

// Some kernels take a message and what comes right behind it for one event, and wait for ever.
bool sees_a_reset_behind_bytes(Ring& ring, Connection& connection) {
  io_uring_sqe& entry = ring.entry();
  io_uring_prep_recv_multishot(&entry, connection.ours.get(), nullptr, 0, 0);
  entry.flags |= IOSQE_BUFFER_SELECT;
  entry.buf_group = Ring::kBufferGroup;
  ring.submit_and_wait(0);
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(connection.peers.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::send(connection.peers.get(), "x", 1, MSG_NOSIGNAL);
  connection.peers.reset();
  bool ended = false;
  for (int i = 0; i < kWaits && !ended; ++i) {
    ring.submit_and_wait(kWaitMs);
    unsigned count = 0;
    ring.for_each_completion([&](const io_uring_cqe& completion) {
      ++count;
      ended = ended || (completion.flags & IORING_CQE_F_MORE) == 0;
    });
    ring.forget_completions(count);
  }
  return ended;
}

}  // namespace

std::optional<std::string> why_no_uring() {
  try {
    Ring ring;
    std::optional<Connection> connection = connect_over_loopback();
    if (!connection) return "there is no TCP over the loopback to try it with";
    if (sees_a_reset_behind_bytes(ring, *connection)) return std::nullopt;
    return "this kernel overlooks a reset that comes right behind a message";
  } catch (const std::system_error& error) {
    return error.what();
  }
}

}  // namespace limpet::relay
