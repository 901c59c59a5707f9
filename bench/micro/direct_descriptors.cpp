/// Does a process get past its limit of descriptors with io_uring's direct descriptors? Two answers are tried
/// with a low limit: accepting into the table of one ring, and into those of several rings.

#include <fmt/format.h>
#include <liburing.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace {

constexpr rlim_t kLimit = 256;
constexpr unsigned kRings = 8;

/// The socket interface takes every address family through one pointer type.
sockaddr* generic(sockaddr_in* address) {
  return static_cast<sockaddr*>(static_cast<void*>(address));
}

void expect(bool holds, const char* what) {
  if (holds) return;
  fmt::print(stderr, "direct_descriptors: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

class Ring {
 public:
  explicit Ring(unsigned entries) {
    const int failed = io_uring_queue_init(entries, &ring_, 0);
    if (failed == 0) return;
    fmt::print("io_uring is not to be had here: {}\n", std::strerror(-failed));
    std::exit(0);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { io_uring_queue_exit(&ring_); }

  [[nodiscard]] int make_table(unsigned slots) { return io_uring_register_files_sparse(&ring_, slots); }
  /// Accepts a connection into a slot of the table; 0, or a negative errno.
  [[nodiscard]] int accept(int listener, unsigned slot) {
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
    io_uring_prep_accept_direct(entry, listener, nullptr, nullptr, 0, slot);
    return finish();
  }
  /// Sends a byte back that comes in; false where the connection does not work.
  [[nodiscard]] bool echo(unsigned slot) {
    char byte = 0;
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_recv(entry, static_cast<int>(slot), &byte, 1, 0);
    entry->flags |= IOSQE_FIXED_FILE;
    if (finish() != 1) return false;
    entry = io_uring_get_sqe(&ring_);
    io_uring_prep_send(entry, static_cast<int>(slot), &byte, 1, 0);
    entry->flags |= IOSQE_FIXED_FILE;
    return finish() == 1;
  }

 private:
  int finish() {
    io_uring_submit(&ring_);
    io_uring_cqe* done = nullptr;
    const int failed = io_uring_wait_cqe(&ring_, &done);
    if (failed != 0) return failed;
    const int result = done->res;
    io_uring_cqe_seen(&ring_, done);
    return result;
  }

  io_uring ring_{};
};

/// The clients, in a process with a limit of its own: each connects, sends a byte and waits for it.
[[noreturn]] void be_clients(sockaddr_in address, unsigned count) {
  std::vector<int> clients;
  for (unsigned i = 0; i < count; ++i) {
    clients.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    expect(::connect(clients.back(), generic(&address), sizeof address) == 0, "connect");
    expect(::send(clients.back(), "x", 1, MSG_NOSIGNAL) == 1, "send");
  }
  for (const int client : clients) {
    char byte = 0;
    expect(::recv(client, &byte, 1, 0) == 1, "recv");
  }
  ::_exit(0);
}

}  // namespace

int main() {
  ::alarm(60);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  expect(::bind(listener, generic(&address), sizeof address) == 0, "bind");
  expect(::listen(listener, 4096) == 0, "listen");
  socklen_t size = sizeof address;
  ::getsockname(listener, generic(&address), &size);

  constexpr unsigned kWanted = kRings * static_cast<unsigned>(kLimit);
  rlimit clients_limit{};
  ::getrlimit(RLIMIT_NOFILE, &clients_limit);
  clients_limit.rlim_cur = clients_limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &clients_limit);
  const pid_t clients = ::fork();
  expect(clients >= 0, "fork");
  if (clients == 0) be_clients(address, kWanted);

  const rlimit limit{.rlim_cur = kLimit, .rlim_max = kLimit};
  expect(::setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  {
    Ring ring(8);
    const int made = ring.make_table(static_cast<unsigned>(kLimit) + 1);
    fmt::print("a table of more slots than the limit of {}: {}\n", kLimit,
               made == 0 ? "made" : std::strerror(-made));
  }
  std::vector<std::unique_ptr<Ring>> rings;
  std::vector<unsigned> used;  // slots, by ring
  unsigned accepted = 0;
  for (unsigned i = 0; i < kRings; ++i) {
    rings.push_back(std::make_unique<Ring>(8U));
    used.push_back(0);
    const int made = rings.back()->make_table(static_cast<unsigned>(kLimit));
    if (made != 0) {
      fmt::print("the table of ring {}: {}\n", i + 1, std::strerror(-made));
      break;
    }
    for (unsigned slot = 0; slot < kLimit; ++slot) {
      const int result = rings.back()->accept(listener, slot);
      if (result < 0) {
        fmt::print("accept into ring {}: {}\n", i + 1, std::strerror(-result));
        break;
      }
      ++used.back();
      ++accepted;
    }
  }
  unsigned echoed = 0;
  for (std::size_t i = 0; i < rings.size(); ++i) {
    for (unsigned slot = 0; slot < used[i]; ++slot) echoed += rings[i]->echo(slot) ? 1U : 0U;
  }
  fmt::print(
      "{} connections in one process with a limit of {}, in the tables of {} rings; {} echoed a byte\n",
      accepted, kLimit, rings.size(), echoed);
  int status = 0;
  ::waitpid(clients, &status, 0);
  return echoed == kWanted && status == 0 ? 0 : 1;
}
