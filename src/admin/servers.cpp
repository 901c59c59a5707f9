#include "admin/servers.h"

#include <memory>
#include <variant>

namespace limpet::admin {

std::vector<const balancing::Service*> all_services(const ControlState& state) {
  std::vector<const balancing::Service*> services;
  if (state.built.snapshot == nullptr) return services;
  for (const auto& [name, node] : state.built.snapshot->services) {
    const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node->kind);
    if (service != nullptr) services.push_back(service->get());
  }
  return services;
}

std::vector<ServerView> all_servers(const ControlState& state) {
  std::vector<ServerView> views;
  for (const balancing::Service* service : all_services(state)) {
    for (const balancing::Server& server : service->servers()) {
      views.push_back({.service = service, .server = &server});
    }
  }
  return views;
}

ServerStatus status_of(const balancing::Server& server, base::TimePoint now) noexcept {
  const balancing::ServerState& state = *server.state;
  const balancing::Health health = state.health();
  if (health == balancing::Health::kDown || state.is_ejected(now) || server.addresses.empty()) {
    return ServerStatus::kDown;
  }
  if (state.admin() != balancing::AdminState::kReady || server.fenced) return ServerStatus::kDraining;
  return health == balancing::Health::kUnknown ? ServerStatus::kUnknown : ServerStatus::kUp;
}

std::string_view status_name(ServerStatus status) noexcept {
  switch (status) {
    case ServerStatus::kDown:
      return "down";
    case ServerStatus::kDraining:
      return "draining";
    case ServerStatus::kUnknown:
      return "unknown";
    case ServerStatus::kUp:
      return "up";
  }
  return "unknown";
}

std::string_view traefik_status(const balancing::Server& server, base::TimePoint now) noexcept {
  return status_of(server, now) == ServerStatus::kDown ? "DOWN" : "UP";
}

}  // namespace limpet::admin
