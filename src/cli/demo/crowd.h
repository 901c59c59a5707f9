#pragma once

#include <cstdint>
#include <list>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "net/address.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "net/task.h"

namespace limpet::cli {

/// Simulated users, each with a WebSocket that does nothing but answer pings: WebSocket's, and Engine.IO's
/// where the path asks for it. Like browsers they bring the session cookie that they got. Who finds no seat
/// asks again within a second or so; who is cut is counted, and comes back. Sessions end after a while, and
/// somebody else comes instead. One thread, the reactor's.
class Crowd {
 public:
  struct Counts {
    std::uint32_t inside = 0;  ///< connected now
    std::uint64_t visits = 0;  ///< connections ever
    std::uint64_t cut = 0;  ///< connections that ended although their user did not leave; not of lost servers
    std::uint64_t lost = 0;     ///< the same, of lost servers
    std::uint32_t away = 0;     ///< of those: users who are not back yet
    base::TimePoint back_at{};  ///< when the last of them came back, or left
  };

  /// `target` is the path and query of the WebSocket, for example "/"; `session` is how long a user stays on
  /// average, half as long at least and half longer at most.
  Crowd(net::Reactor& reactor, const net::SocketAddress& address, std::string target, base::Duration session);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  /// Everybody has gone: aim(0) and wait for is_empty().
  ~Crowd();

  /// From now on there are so many: new ones come at once, those too many leave. To be called often, since it
  /// also has those leave whose time is over.
  void aim(std::uint32_t users);
  /// From now on, who is cut from the server that this session cookie names was cut by its loss.
  void expect_loss(std::string cookie) { lost_.insert(std::move(cookie)); }
  [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
  [[nodiscard]] bool is_empty() const noexcept { return users_.empty(); }

 private:
  struct User {
    base::TimePoint leaves_at;
    net::Socket* socket = nullptr;  // lives in the coroutine
    bool leaves = false;
    bool is_away = false;  // cut by the loss of its server
    std::string cookie;    // value of the session cookie
    std::string received;
  };
  [[nodiscard]] net::Task<void> live(std::list<User>::iterator user);
  [[nodiscard]] net::Task<void> connect(User& user);
  [[nodiscard]] net::Task<bool> enter(User& user, net::Socket& socket);
  [[nodiscard]] net::Task<void> stay(User& user, net::Socket& socket);
  [[nodiscard]] std::string answers(User& user, bool& over) const;
  void note_cut(User& user);
  void note_back(User& user);
  [[nodiscard]] std::int64_t draw(std::uint64_t below);
  static void leave(User& user);

  net::Reactor& reactor_;
  net::SocketAddress address_;
  std::string target_;
  base::Duration session_;
  bool engine_io_;
  std::set<std::string> lost_;  // cookies of servers
  std::list<User> users_;
  Counts counts_;
  std::uint64_t draws_ = 0;
};

}  // namespace limpet::cli
