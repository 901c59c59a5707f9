#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancing/service.h"
#include "config/model/dynamic.h"
#include "net/reactor.h"
#include "net/task.h"
#include "net/timer.h"
#include "scaling/drivers/docker_driver.h"
#include "scaling/drivers/driver.h"
#include "scaling/host.h"
#include "scaling/pool.h"

namespace limpet::scaling {

/// Makes the driver that the settings of a service name. `events` outlive it.
using DriverFactory = std::function<std::unique_ptr<Driver>(
    const std::string& service, const config::Scaling& settings, DriverEvents& events)>;

/// Drivers that start real servers; `docker` is where containers are made.
[[nodiscard]] DriverFactory real_drivers(net::Reactor& reactor, DockerAccess docker);

/// Scales every service with a `scaling` block: one pool each. A pool whose service is scaled no more lives
/// on until its servers have ended. Control thread only; all arguments outlive it.
class Controller {
 public:
  Controller(net::Reactor& reactor, Host& host, DriverFactory make_driver);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// From now on these services, those of a snapshot, are scaled as they say. Read during the call only.
  void update(const std::vector<const balancing::Service*>& services);

  [[nodiscard]] std::vector<PoolView> view() const;
  /// Of one service, by its qualified name, or by its name if only one has it.
  [[nodiscard]] std::optional<PoolView> view(std::string_view service) const;
  /// Changes what the configuration says, for a while. Fails with a sentence.
  [[nodiscard]] std::expected<void, std::string> change(std::string_view service, const Override& changed);

  /// Decides nothing more, and lets servers live: for the time in which users leave.
  void hold() noexcept;
  /// Ends every server that was started and waits for that. Once.
  [[nodiscard]] net::Task<void> stop();

 private:
  void glance();
  void add_missing();
  void bury();
  [[nodiscard]] net::Task<void> end(std::unique_ptr<Pool> pool);
  [[nodiscard]] Pool* find(std::string_view service) const;

  net::Reactor& reactor_;
  Host& host_;
  DriverFactory make_driver_;
  std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_;  // by qualified service name
  std::map<std::string, config::LoadBalancer, std::less<>> wanted_;  // what the snapshot asks for
  std::size_t ending_ = 0;                                           // pools being buried
  net::Timer timer_;
  bool held_ = false;
};

}  // namespace limpet::scaling
