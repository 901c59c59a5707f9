#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "admin/internal_services.h"
#include "admin/key_placements.h"
#include "admin/state.h"
#include "app/configuration.h"
#include "app/paced_close.h"
#include "app/scaling_host.h"
#include "app/signals.h"
#include "balancing/server_state.h"
#include "config/load.h"
#include "health/checker.h"
#include "net/fd.h"
#include "net/reactor.h"
#include "net/task.h"
#include "net/timer.h"
#include "placement/ledger.h"
#include "placement/placer.h"
#include "providers/provider.h"
#include "proxy/blocking_pool.h"
#include "proxy/entry_point.h"
#include "proxy/worker.h"
#include "scaling/controller.h"
#include "telemetry/access_log.h"
#include "telemetry/request_metrics.h"

namespace limpet::app {

/// The whole process: the control plane on the calling thread, the data-plane threads beside it, and its way
/// up and down.
class Server {
 public:
  /// Opens everything: logs, listening sockets, threads. Throws std::runtime_error with a sentence if it
  /// can't.
  explicit Server(const config::Loaded& loaded);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Serves until a stop signal has been dealt with.
  void run();

 private:
  struct Listening {
    std::unique_ptr<proxy::EntryPoint> entry_point;
    net::Fd fd;
  };

  void open_telemetry();
  void open_entry_points();
  void open_admin();
  void listen(const std::string& name, const config::EntryPoint& settings);
  void open_placements();
  void start_workers();
  void start_providers();
  void use_snapshot(const std::shared_ptr<const routing::Snapshot>& snapshot);
  void on_signal(int signal);
  void tidy_up();
  void sweep_placements();
  [[nodiscard]] net::Task<void> shut_down();
  void stop_accepting();
  [[nodiscard]] net::Task<void> wait_for_requests(base::Duration longest);
  [[nodiscard]] net::Task<void> wait_for_tunnels(base::Duration longest);
  [[nodiscard]] net::Task<void> close_tunnels();
  [[nodiscard]] std::uint32_t tunnels_open() const noexcept;
  [[nodiscard]] std::uint32_t requests_open() const noexcept;

  net::Reactor reactor_;  // of the control thread
  Signals signals_;
  balancing::Admissions admissions_;
  admin::ControlState state_;
  std::uint32_t threads_;
  balancing::ServerRegistry registry_;
  std::unique_ptr<telemetry::RequestMetrics> metrics_;
  std::unique_ptr<telemetry::AccessLog> access_log_;
  admin::InternalServices internal_;
  admin::KeyPlacements keys_;
  std::vector<Listening> listening_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  proxy::BlockingPool blocking_;  // ends before the workers, whom its work tells that it is done
  health::Checker checker_;
  std::unique_ptr<Configuration> configuration_;
  std::unique_ptr<PacedClose> closer_;
  std::unique_ptr<ScalingHost> scaling_host_;
  std::unique_ptr<scaling::Controller> scaler_;
  std::vector<std::unique_ptr<providers::Provider>> providers_;
  std::vector<std::jthread> worker_threads_;
  std::unique_ptr<placement::Ledger> placements_;  // ends before the workers, whom its journal tells
  std::unique_ptr<placement::Placer> placer_;
  net::Timer tidy_timer_;
  net::Timer placement_timer_;
  bool stopping_ = false;
  bool hurry_ = false;         // a second stop signal came: waiting ends
  std::size_t accepting_ = 0;  // workers that still listen, while stopping
};

}  // namespace limpet::app
