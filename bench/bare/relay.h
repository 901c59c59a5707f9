#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "wire/descriptor.h"

/// The floor of the comparison: relays that accept, connect and pass bytes on, and do nothing else. They read
/// no HTTP, choose no server, keep no count, and know no slow receiver: for small messages only.
namespace limpet::bench {

/// One way to pass bytes on. Each runs on one thread until its process is told to end.
class BareRelay {
 public:
  BareRelay() = default;
  BareRelay(const BareRelay&) = delete;
  BareRelay& operator=(const BareRelay&) = delete;
  virtual ~BareRelay() = default;

  /// Relays between whoever connects to `listening` and `server`. Throws std::system_error.
  [[noreturn]] virtual void run(const Descriptor& listening, const sockaddr_in& server) = 0;
};

[[nodiscard]] std::unique_ptr<BareRelay> make_epoll_relay();
[[nodiscard]] std::unique_ptr<BareRelay> make_uring_relay();
/// The kernel passes the bytes on by a program at the sockets (BPF_MAP_TYPE_SOCKMAP); needs CAP_BPF and
/// CAP_NET_ADMIN.
[[nodiscard]] std::unique_ptr<BareRelay> make_sockmap_relay();

/// Which socket takes what another one brings, by descriptor.
class Pairs {
 public:
  /// Accepts one client and connects to the server; the client's descriptor, or -1 if nobody waits.
  int accept_one(int listening, const sockaddr_in& server);
  [[nodiscard]] int peer(int fd) const noexcept { return entries_[static_cast<std::size_t>(fd)].peer; }
  /// Changes when the descriptor is closed, so that late news of an earlier socket can be told apart.
  [[nodiscard]] std::uint32_t generation(int fd) const noexcept {
    return entries_[static_cast<std::size_t>(fd)].generation;
  }
  /// Closes both.
  void close(int fd) noexcept;

 private:
  struct Entry {
    int peer = -1;
    std::uint32_t generation = 0;
  };
  [[nodiscard]] Entry& at(int fd) noexcept { return entries_[static_cast<std::size_t>(fd)]; }

  std::vector<Entry> entries_;
};

/// Throws std::system_error with errno unless it holds.
void expect(bool holds, const char* what);

}  // namespace limpet::bench
