#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "balancing/server_state.h"
#include "base/clock.h"
#include "net/reactor.h"
#include "net/timer.h"
#include "relay/engine.h"

namespace limpet::proxy {

/// When each of `count` tunnels is closed, from now on, rising.
using CloseOffsets = std::function<std::vector<base::Duration>(std::uint32_t count)>;

/// Tunnels to be closed one by one.
struct ClosePlan {
  /// Whose; null: all. Shared: the plan may outlive the snapshot that has the server.
  std::shared_ptr<const balancing::ServerState> server;
  std::uint16_t code = 0;  ///< of the WebSocket Close
  std::string reason;
  base::Duration patience{};  ///< see relay::Engine::close
  CloseOffsets offsets;       ///< asked once, on the thread whose tunnels are closed
};

/// Closes one thread's tunnels one by one, so that those who come back do not come at once. The thread's own.
class TunnelCloser {
 public:
  /// Both outlive it.
  TunnelCloser(net::Reactor& reactor, relay::Engine& engine) noexcept;
  TunnelCloser(const TunnelCloser&) = delete;
  TunnelCloser& operator=(const TunnelCloser&) = delete;
  ~TunnelCloser();

  /// Begins with a plan; if one for the same server is under way, that one goes on instead. With the last
  /// step every tunnel is closed that came meanwhile.
  void begin(ClosePlan plan);
  /// Ends the plan for this server (null: the one for all); what has not been closed yet stays.
  void cancel(const balancing::ServerState* server) noexcept;

 private:
  struct Run;
  static void step(void* run) noexcept;
  void arm(Run& run) noexcept;

  net::Reactor& reactor_;
  relay::Engine& engine_;
  std::list<Run> runs_;
};

}  // namespace limpet::proxy
