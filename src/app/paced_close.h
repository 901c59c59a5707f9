#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "balancing/server_state.h"
#include "base/clock.h"
#include "proxy/worker.h"

namespace limpet::app {

/// Closes the tunnels of a server, or all, one by one over a window at random moments, with WebSocket Close
/// 1012 at a frame boundary: Socket.IO clients and the like then connect again by themselves, and do not come
/// at once. The workers do it; control thread only.
class PacedClose {
 public:
  using Workers = std::span<const std::unique_ptr<proxy::Worker>>;
  /// The workers outlive it.
  explicit PacedClose(Workers workers) noexcept : workers_(workers) {}

  /// Marks the server as closing, so that nobody comes (back) to it, and begins. Does nothing more if it has
  /// begun already. `seed`: of the moments.
  void begin(const std::shared_ptr<balancing::ServerState>& server, base::Duration window,
             std::uint64_t seed);
  /// The server is taken back: tunnels that are still open stay, and it drains again.
  void cancel(const std::shared_ptr<balancing::ServerState>& server);
  /// Closes all tunnels of all servers like that.
  void begin_all(base::Duration window, std::uint64_t seed);
  /// Closes all tunnels now, with the same code.
  void all_at_once(base::Duration patience);

 private:
  void close(const std::shared_ptr<const balancing::ServerState>& server, base::Duration window,
             std::uint64_t seed);

  Workers workers_;
};

}  // namespace limpet::app
