#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "balancing/server_state.h"
#include "balancing/service.h"
#include "base/clock.h"
#include "config/model/dynamic.h"
#include "health/http_check.h"
#include "net/reactor.h"
#include "net/task.h"
#include "net/timer.h"

namespace limpet::health {

/// Checks the servers of every service with a `healthCheck` and sets their health: up after one good answer,
/// down after one failure, each change with a line in the log. The first check of a server comes within a
/// second (or its interval, if that is shorter); the next ones an interval apart, five per cent more or less
/// so that servers and replicas don't fall into step, and `unhealthyInterval` apart while the server is down.
///
/// What belongs to a server is kept by its identity: a new configuration that changes nothing about its
/// checks leaves its timer, its health and a check under way alone. A server that is no longer checked is
/// unknown again, which is taken as up. Control thread only; the reactor outlives the checker.
class Checker {
 public:
  /// At most `max_running` checks are under way at a time; others wait for their turn.
  explicit Checker(net::Reactor& reactor, std::size_t max_running = 256);
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;
  /// No check may be under way: await stop() first.
  ~Checker();

  /// From now on the servers of these services are checked, and no others. Services are those of a snapshot,
  /// read during the call only.
  void update(const std::vector<const balancing::Service*>& services);

  /// Ends all checks and waits until the last one under way has ended. Health stays as it is. Once.
  [[nodiscard]] net::Task<void> stop();

  /// Servers being checked.
  [[nodiscard]] std::size_t size() const noexcept { return probes_.size(); }

 private:
  /// The checks of one server.
  struct Probe {
    Probe(Checker& owner, std::shared_ptr<balancing::ServerState> server);
    [[nodiscard]] base::Duration next_pause();

    Checker& checker;
    std::shared_ptr<balancing::ServerState> state;  // shared with snapshots and tunnels
    config::HealthCheck settings;
    CheckRequest request;
    net::Timer timer;
    base::TimePoint started{};
    std::uint64_t round = 0;
    HttpCheck* running = nullptr;  // lives in the coroutine
    bool retired = false;
  };
  using Probes = std::map<const balancing::ServerState*, std::unique_ptr<Probe>>;

  void add_or_change(Probes& next, const balancing::Service& service, const balancing::Server& server);
  void retire(std::unique_ptr<Probe> probe);
  void enqueue(Probe& probe);
  void start_queued();
  [[nodiscard]] net::Task<void> check(Probe& probe);
  void finished(Probe& probe, const CheckResult& result);
  static void set_health(Probe& probe, const CheckResult& result);

  net::Reactor& reactor_;
  std::size_t max_running_;
  Probes probes_;
  std::vector<std::unique_ptr<Probe>> retired_;  // not checked any more, but a check is still under way
  std::deque<Probe*> queue_;                     // due, waiting for room
  std::size_t running_ = 0;
  bool starting_ = false;
  std::coroutine_handle<> stop_waiter_;
};

}  // namespace limpet::health
