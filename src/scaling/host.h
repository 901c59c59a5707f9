#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "balancing/server_state.h"
#include "base/clock.h"
#include "config/model/dynamic.h"

namespace limpet::scaling {

/// Users of a service as the data path sees them.
struct Demand {
  std::uint32_t waiting = 0;   ///< held now, since no server has a seat
  std::uint64_t arrivals = 0;  ///< new users ever; never falls
};

/// Of the servers that a provider finds for a service: who takes part.
struct Admission {
  std::vector<std::string> admitted;  ///< URLs; others take no new users
  std::vector<std::string> leaving;   ///< URLs; as if they were not there
  bool operator==(const Admission&) const = default;
};

/// What the scaler needs of the process that it runs in. Services go by their qualified names. Control thread
/// only.
class Host {
 public:
  [[nodiscard]] virtual Demand demand(const std::string& service) = 0;
  [[nodiscard]] virtual std::shared_ptr<balancing::ServerState> server_state(const std::string& service,
                                                                             const std::string& url) = 0;
  /// From now on the service has these servers besides those that providers give it.
  virtual void set_servers(const std::string& service, std::vector<config::Server> servers) = 0;
  /// From now on this holds for the servers that the service's provider finds, if its driver is `docker`.
  virtual void admit(const std::string& service, Admission admission) = 0;
  /// Closes the tunnels of a server one by one within the window. Once begun it goes on until it is
  /// cancelled.
  virtual void close_tunnels(const std::shared_ptr<balancing::ServerState>& server,
                             base::Duration window) = 0;
  virtual void keep_tunnels(const std::shared_ptr<balancing::ServerState>& server) = 0;

 protected:
  ~Host() = default;
};

}  // namespace limpet::scaling
