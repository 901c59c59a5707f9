#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "balancing/server_state.h"
#include "net/buffer.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "net/timer.h"

namespace limpet::proxy {

/// A connection to a server, with the bytes read from it and not used yet.
struct ServerConnection {
  ServerConnection(net::Reactor& reactor, net::BufferPool& pool, net::Fd fd)
      : socket(reactor, std::move(fd), base::Side::kServer), buffer(pool) {}
  net::Socket socket;
  net::ReadBuffer buffer;
  bool reused = false;
};

/// Idle keep-alive connections of one thread, by server. A connection that the server closes, or that stays
/// idle too long, leaves by itself.
class ServerPool {
 public:
  ServerPool(net::Reactor& reactor, std::size_t max_idle_per_server) noexcept
      : reactor_(reactor), max_idle_per_server_(max_idle_per_server) {}
  ServerPool(const ServerPool&) = delete;
  ServerPool& operator=(const ServerPool&) = delete;
  ~ServerPool();

  /// The most recently used idle connection of this server, or null.
  [[nodiscard]] std::unique_ptr<ServerConnection> take(const std::shared_ptr<balancing::ServerState>& server);
  /// Keeps a connection that is between messages, for at most `idle_timeout`.
  void give_back(const std::shared_ptr<balancing::ServerState>& server,
                 std::unique_ptr<ServerConnection> connection, base::Duration idle_timeout);
  /// Closes the connections of servers that `keep` refuses.
  void prune(const std::function<bool(const balancing::ServerState&)>& keep);

 private:
  struct Idle {
    Idle(ServerPool& owner, const balancing::ServerState& key,
         std::unique_ptr<ServerConnection> idle) noexcept
        : pool(owner), server(key), connection(std::move(idle)), timer(&Idle::leave, this) {}
    static void leave(void* self) noexcept;
    ServerPool& pool;
    const balancing::ServerState& server;
    std::unique_ptr<ServerConnection> connection;
    net::Timer timer;
  };
  struct Entry {
    std::shared_ptr<balancing::ServerState>
        server;                               // shared: the key must stay valid when the snapshot has gone
    std::vector<std::unique_ptr<Idle>> idle;  // most recently used last
  };
  void remove(Idle& idle) noexcept;

  net::Reactor& reactor_;
  std::size_t max_idle_per_server_;
  std::unordered_map<const balancing::ServerState*, Entry> entries_;
};

}  // namespace limpet::proxy
