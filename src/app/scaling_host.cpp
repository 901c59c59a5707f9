#include "app/scaling_host.h"

#include <utility>

#include "base/clock.h"

namespace limpet::app {

scaling::Demand ScalingHost::demand(const std::string& service) {
  const auto state = registry_.service(service);
  return {.waiting = state->waiting(), .arrivals = state->arrivals()};
}

std::shared_ptr<balancing::ServerState> ScalingHost::server_state(const std::string& service,
                                                                  const std::string& url) {
  return registry_.find_or_add(service, url);
}

void ScalingHost::set_servers(const std::string& service, std::vector<config::Server> servers) {
  configuration_.set_servers(service, std::move(servers));
}

void ScalingHost::admit(const std::string& service, scaling::Admission admission) {
  configuration_.admit(service, std::move(admission));
}

void ScalingHost::close_tunnels(const std::shared_ptr<balancing::ServerState>& server,
                                base::Duration window) {
  closer_.begin(server, window, static_cast<std::uint64_t>(base::Clock::now().time_since_epoch().count()));
}

void ScalingHost::keep_tunnels(const std::shared_ptr<balancing::ServerState>& server) {
  closer_.cancel(server);
}

}  // namespace limpet::app
