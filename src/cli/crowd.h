#pragma once

#include <cstdint>
#include <list>
#include <string>

#include "net/address.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "net/task.h"

namespace limpet::cli {

/// Simulated users, each with a WebSocket that does nothing but answer pings: WebSocket's, and Engine.IO's
/// where the path asks for it. Who finds no seat asks again within a second or so; who is cut is counted, and
/// comes back. One thread, the reactor's.
class Crowd {
 public:
  struct Counts {
    std::uint32_t inside = 0;       ///< connected now
    std::uint32_t outside = 0;      ///< on their way in
    std::uint64_t visits = 0;       ///< connections ever
    std::uint64_t cut = 0;          ///< connections that ended although their user did not leave
    std::uint64_t turned_away = 0;  ///< answers other than 101, and failed connects
  };

  /// `target` is the path and query of the WebSocket, for example "/".
  Crowd(net::Reactor& reactor, const net::SocketAddress& address, std::string target);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  /// Everybody has gone: aim(0) and wait for is_empty().
  ~Crowd();

  /// From now on there are so many: new ones come at once, those too many leave.
  void aim(std::uint32_t users);
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
  [[nodiscard]] bool is_empty() const noexcept { return users_.empty(); }

 private:
  struct User {
    net::Socket* socket = nullptr;  // lives in the coroutine
    bool leaves = false;
    bool inside = false;
    std::string received;
  };
  [[nodiscard]] net::Task<void> live(std::list<User>::iterator user);
  [[nodiscard]] net::Task<void> connect(User& user);
  [[nodiscard]] net::Task<bool> enter(User& user, net::Socket& socket);
  [[nodiscard]] net::Task<void> stay(User& user, net::Socket& socket);
  [[nodiscard]] std::string answers(User& user, bool& over) const;
  [[nodiscard]] base::Duration pause();
  static void leave(User& user);

  net::Reactor& reactor_;
  net::SocketAddress address_;
  std::string target_;
  bool engine_io_;
  std::list<User> users_;
  Counts counts_;
  std::uint64_t draws_ = 0;
};

}  // namespace limpet::cli
