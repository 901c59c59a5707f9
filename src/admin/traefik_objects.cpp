#include "admin/traefik_objects.h"

#include <memory>
#include <set>
#include <variant>

#include "admin/servers.h"
#include "config/effective.h"
#include "config/json.h"

namespace limpet::admin {
namespace {

/// Adds `error`, `status` and the users under their key, each left out when it is empty as Traefik does.
void add_report(Json& object, const routing::ObjectReport& report, std::string_view users_key) {
  for (const base::Diagnostic& problem : report.problems()) object["error"].push_back(problem.text());
  object["status"] = report.status();
  for (const std::string& user : report.users()) object[std::string(users_key)].push_back(user);
}

void add_server_status(Json& object, const ControlState& state, const std::string& service) {
  if (state.built.snapshot == nullptr) return;
  const auto node = state.built.snapshot->services.find(service);
  if (node == state.built.snapshot->services.end()) return;
  const auto* balanced = std::get_if<std::unique_ptr<balancing::Service>>(&node->second->kind);
  if (balanced == nullptr) return;
  const base::TimePoint now = base::Clock::now();
  for (const balancing::Server& server : (*balanced)->servers()) {
    object["serverStatus"][server.url] = traefik_status(server, now);
  }
}

}  // namespace

const routing::ObjectReport& report_of(const routing::Reports& reports, const config::QualifiedName& name) {
  static const routing::ObjectReport kNotBuilt;
  const auto found = reports.find(name);
  return found == reports.end() ? kNotBuilt : found->second;
}

std::int64_t priority_of(const ControlState& state, const config::QualifiedName& name,
                         const config::Router& router) {
  const auto found = state.built.priorities.find(name);
  return found == state.built.priorities.end() ? router.priority : found->second;
}

Json router_json(const ControlState& state, const config::QualifiedName& name, const config::Router& router) {
  config::Router effective = router;
  if (effective.entry_points.empty()) effective.entry_points = config::default_entry_points(state.settings);
  effective.priority = priority_of(state, name, router);
  Json object = config::to_json(effective);
  object["priority"] = effective.priority;
  object["priorityStr"] = std::to_string(effective.priority);
  add_report(object, report_of(state.built.routers, name), "using");
  return object;
}

Json service_json(const ControlState& state, const config::QualifiedName& name,
                  const config::Service& service) {
  Json object = config::to_json(service);
  add_report(object, report_of(state.built.services, name), "usedBy");
  add_server_status(object, state, name.text());
  return object;
}

Json middleware_json(const ControlState& state, const config::QualifiedName& name,
                     const config::Middleware& middleware) {
  Json object = config::to_json(middleware);
  add_report(object, report_of(state.built.middlewares, name), "usedBy");
  return object;
}

std::map<config::QualifiedName, Json> internal_services_json(const ControlState& state) {
  std::map<config::QualifiedName, Json> objects;
  if (state.built.snapshot == nullptr) return objects;
  for (const auto& [text, node] : state.built.snapshot->services) {
    if (!std::holds_alternative<routing::InternalService>(node->kind)) continue;
    objects[routing::qualified_name(text, config::kInternalProvider)]["status"] = "enabled";
  }
  std::map<config::QualifiedName, std::set<std::string>> users;
  for (const auto& [name, router] : state.routers) {
    users[routing::qualified_name(router.service, name.provider)].insert(name.text());
  }
  for (auto& [name, object] : objects) {
    if (const auto found = users.find(name); found != users.end()) object["usedBy"] = found->second;
  }
  return objects;
}

}  // namespace limpet::admin
