#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/buffer.h"
#include "net/listener.h"
#include "net/reactor.h"
#include "proxy/blocking_pool.h"
#include "proxy/entry_point.h"
#include "proxy/report.h"
#include "proxy/server_pool.h"
#include "proxy/tunnel_closer.h"
#include "relay/engine.h"
#include "routing/internal.h"
#include "routing/snapshot.h"

namespace limpet::proxy {

class ClientConnection;

/// What all data-plane threads share: made once at start, outlives them.
struct WorkerShared {
  routing::InternalHandler* internal = nullptr;
  routing::KeyPlacer* keys = nullptr;  ///< for services with `replay`
  BlockingPool* blocking = nullptr;
  std::size_t max_idle_per_server = 200;
  bool pin_threads = false;
  relay::EngineKind engine = relay::EngineKind::kEpoll;
  base::Duration batch_delay{};  ///< see relay::make_engine
};

/// One data-plane thread: its event loop, relay engine, server connections and the snapshot it routes by.
/// Accepts on every entry point; a new connection goes to the thread with the fewest, so long-lived ones stay
/// balanced.
class Worker {
 public:
  Worker(std::uint32_t index, const WorkerShared& shared, std::unique_ptr<Reporter> reporter);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// Listens on an entry point. Before run(). `fd` and `entry_point` outlive the worker.
  void listen(const EntryPoint& entry_point, int fd);
  /// The other threads' workers, for balancing. Before run().
  void set_peers(std::vector<Worker*> peers) { peers_ = std::move(peers); }
  /// Runs the loop until stop(). The thread's main function.
  void run();

  // Any thread:

  /// Routes by this snapshot from the next event on. Requests under way keep theirs; tunnels keep none.
  void use_snapshot(std::shared_ptr<const routing::Snapshot> snapshot);
  /// Takes no more connections; idle keep-alive ones are closed, and answers say "Connection: close".
  /// Calls `done` on the worker's thread when the listening sockets are not in use any more.
  void stop_accepting(std::function<void()> done);
  /// See relay::Engine::close().
  void close_tunnels(std::uint16_t code, std::string reason, base::Duration patience);
  /// Closes tunnels of this thread one by one; see TunnelCloser.
  void close_slowly(ClosePlan plan);
  void cancel_closing(std::shared_ptr<const balancing::ServerState> server);
  /// Breaks what is left and ends run() once every connection's coroutine has come to its end. One that waits
  /// for a helper thread or the control plane is given a little time. Tunnels end with the worker.
  void stop();
  /// Connections that are reading or waiting for an answer.
  [[nodiscard]] std::uint32_t requests_open() const noexcept { return busy_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t tunnels_open() const noexcept {
    return tunnels_.load(std::memory_order_relaxed);
  }

  // The worker's own thread:

  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  [[nodiscard]] net::Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] relay::Engine& engine() noexcept { return *engine_; }
  [[nodiscard]] net::BufferPool& buffers() noexcept { return buffers_; }
  [[nodiscard]] ServerPool& servers() noexcept { return servers_; }
  [[nodiscard]] Reporter& reporter() noexcept { return *reporter_; }
  [[nodiscard]] const WorkerShared& shared() const noexcept { return shared_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  /// Shared, because a request keeps the snapshot it began with; the count is this thread's own.
  [[nodiscard]] const std::shared_ptr<const routing::Snapshot>& snapshot() const noexcept {
    return snapshot_;
  }

  void add(ClientConnection& connection);
  void remove(ClientConnection& connection) noexcept;
  void request_began() noexcept { busy_.fetch_add(1, std::memory_order_relaxed); }
  void request_ended() noexcept { busy_.fetch_sub(1, std::memory_order_relaxed); }
  void tunnel_began() noexcept {
    tunnels_.fetch_add(1, std::memory_order_relaxed);
    load_.fetch_add(1, std::memory_order_relaxed);
  }
  void tunnel_ended() noexcept {
    tunnels_.fetch_sub(1, std::memory_order_relaxed);
    load_.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Gives descriptors back that can be spared: kept connections to servers, and clients' that are idle.
  void shed();

 private:
  void accepted(const EntryPoint& entry_point, net::Fd fd, const net::SocketAddress& peer);
  void serve(const EntryPoint& entry_point, net::Fd fd, const net::SocketAddress& peer);
  [[nodiscard]] std::uint32_t load() const noexcept { return load_.load(std::memory_order_relaxed); }

  std::uint32_t index_;
  WorkerShared shared_;
  std::atomic<std::uint32_t> load_{0};  // connections and tunnels of this thread
  std::atomic<std::uint32_t> busy_{0};
  std::atomic<std::uint32_t> tunnels_{0};
  std::unique_ptr<Reporter> reporter_;
  net::Reactor reactor_;
  net::BufferPool buffers_;
  std::unique_ptr<relay::Engine> engine_;
  TunnelCloser closer_;
  ServerPool servers_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::vector<Worker*> peers_;
  std::shared_ptr<const routing::Snapshot> snapshot_;
  ClientConnection* connections_ = nullptr;  // intrusive list
  bool stopping_ = false;
  bool draining_out_ = false;
  net::Timer last_call_;  // ends a stop that takes too long
};

}  // namespace limpet::proxy
