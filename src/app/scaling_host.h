#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/configuration.h"
#include "app/paced_close.h"
#include "balancing/server_state.h"
#include "scaling/host.h"

namespace limpet::app {

/// The scaler's view of this process. All arguments outlive it. Control thread only.
class ScalingHost final : public scaling::Host {
 public:
  ScalingHost(balancing::ServerRegistry& registry, Configuration& configuration, PacedClose& closer) noexcept
      : registry_(registry), configuration_(configuration), closer_(closer) {}

  [[nodiscard]] scaling::Demand demand(const std::string& service) override;
  [[nodiscard]] std::shared_ptr<balancing::ServerState> server_state(const std::string& service,
                                                                     const std::string& url) override;
  void set_servers(const std::string& service, std::vector<config::Server> servers) override;
  void admit(const std::string& service, scaling::Admission admission) override;
  void close_tunnels(const std::shared_ptr<balancing::ServerState>& server, base::Duration window) override;
  void keep_tunnels(const std::shared_ptr<balancing::ServerState>& server) override;

 private:
  balancing::ServerRegistry& registry_;
  Configuration& configuration_;
  PacedClose& closer_;
};

}  // namespace limpet::app
