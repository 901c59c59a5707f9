#include "admin/traefik_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "admin/answers.h"
#include "admin/listing.h"
#include "admin/traefik_objects.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "config/json.h"

namespace limpet::admin {
namespace {

using config::QualifiedName;

/// Counts as Traefik's overview has them.
struct Section {
  std::size_t total = 0;
  std::size_t warnings = 0;
  std::size_t errors = 0;

  [[nodiscard]] Json json() const { return {{"total", total}, {"warnings", warnings}, {"errors", errors}}; }
};

template <class Objects>
Section count(const Objects& objects, const routing::Reports& reports) {
  Section section{.total = objects.size()};
  for (const auto& [name, object] : objects) {
    const std::string_view status = report_of(reports, name).status();
    section.warnings += status == "warning" ? 1U : 0U;
    section.errors += status == "disabled" ? 1U : 0U;
  }
  return section;
}

routing::InternalAnswer not_found(std::string_view kind, std::string_view name) {
  return error_answer(404, fmt::format("{} not found: {}", kind, name));
}

/// Adds what a list or a single object has and /api/rawdata has not.
Json represented(Json object, const QualifiedName& name, std::string_view type) {
  object["name"] = name.text();
  object["provider"] = name.provider;
  if (!type.empty()) object["type"] = type;
  return object;
}

template <class Object>
std::string type_of(const Object& object) {
  return base::to_lower(config::kind_of(object));
}

Json represented_service(const ControlState& state, const QualifiedName& name,
                         const config::Service& service) {
  return represented(service_json(state, name, service), name, type_of(service));
}

Json represented_middleware(const ControlState& state, const QualifiedName& name,
                            const config::Middleware& middleware) {
  return represented(middleware_json(state, name, middleware), name, type_of(middleware));
}

ListRow row_of(const QualifiedName& name, const routing::Reports& reports) {
  ListRow row;
  row.key = name;
  row.name = name.text();
  row.status = report_of(reports, name).status();
  return row;
}

ListRow router_row(const ControlState& state, const QualifiedName& name, const config::Router& router) {
  ListRow row = row_of(name, state.built.routers);
  row.rule = router.rule;
  row.service = router.service;
  row.middlewares = router.middlewares;
  for (const std::string& middleware : router.middlewares) {
    row.middlewares.push_back(routing::qualified_name(middleware, name.provider).text());
  }
  row.priority = priority_of(state, name, router);
  row.entry_points = router.entry_points.size();
  return row;
}

ListRow service_row(const ControlState& state, const QualifiedName& name, const config::Service& service) {
  ListRow row = row_of(name, state.built.services);
  row.type = type_of(service);
  const auto* balancer = std::get_if<config::LoadBalancer>(&service.kind);
  row.servers = balancer == nullptr ? 0 : balancer->servers.size();
  return row;
}

/// An entry point with its real address, which differs from the one configured if that has port 0 or a name.
Json entry_point_json(const ControlState& state, const std::string& name) {
  const auto configured = state.settings.entry_points.find(name);
  const auto real = state.addresses.find(name);
  Json object = Json::object();
  if (configured != state.settings.entry_points.end()) {
    object = config::to_json(configured->second);
  } else {
    object["address"] = real->second;
  }
  object["name"] = name;
  if (real != state.addresses.end()) object["listening"] = real->second;
  return object;
}

std::vector<std::string> entry_point_names(const ControlState& state) {
  std::vector<std::string> names;
  for (const auto& [name, settings] : state.settings.entry_points) names.push_back(name);
  if (state.addresses.contains(kAdminEntryPoint) && !state.settings.entry_points.contains(kAdminEntryPoint)) {
    names.emplace_back(kAdminEntryPoint);
  }
  return names;
}

}  // namespace

routing::InternalAnswer get_version(const ApiCall& call) {
  return json_answer(Json{{"Version", LIMPET_VERSION},
                          {"Codename", "limpet"},
                          {"startDate", base::utc_timestamp(call.state.started_at)}});
}

routing::InternalAnswer get_overview(const ApiCall& call) {
  const ControlState& state = call.state;
  Section services = count(state.services, state.built.services);
  services.total += internal_services_json(state).size();
  const Json none = Section{}.json();
  Json body{{"http",
             {{"routers", count(state.routers, state.built.routers).json()},
              {"services", services.json()},
              {"middlewares", count(state.middlewares, state.built.middlewares).json()}}},
            {"tcp", {{"routers", none}, {"services", none}, {"middlewares", none}}},
            {"udp", {{"routers", none}, {"services", none}}},
            {"features",
             {{"tracing", ""},
              {"metrics", state.settings.prometheus ? "Prometheus" : ""},
              {"accessLog", state.settings.access_log.has_value()}}}};
  if (state.settings.providers.docker) body["providers"].push_back("Docker");
  if (state.settings.providers.file) body["providers"].push_back("File");
  return json_answer(body);
}

routing::InternalAnswer get_rawdata(const ApiCall& call) {
  const ControlState& state = call.state;
  Json body = Json::object();
  for (const auto& [name, router] : state.routers) {
    body["routers"][name.text()] = router_json(state, name, router);
  }
  for (const auto& [name, middleware] : state.middlewares) {
    body["middlewares"][name.text()] = middleware_json(state, name, middleware);
  }
  for (const auto& [name, service] : state.services) {
    body["services"][name.text()] = service_json(state, name, service);
  }
  for (auto& [name, object] : internal_services_json(state)) {
    body["services"][name.text()] = std::move(object);
  }
  return json_answer(body);
}

routing::InternalAnswer get_entry_points(const ApiCall& call) {
  std::vector<ListRow> rows;
  for (std::string& name : entry_point_names(call.state)) {
    ListRow row;
    row.name = std::move(name);
    rows.push_back(std::move(row));
  }
  return answer_list(call.request, std::move(rows),
                     [&](const ListRow& row) { return entry_point_json(call.state, row.name); });
}

routing::InternalAnswer get_entry_point(const ApiCall& call) {
  if (std::ranges::count(entry_point_names(call.state), call.name) == 0) {
    return not_found("entry point", call.name);
  }
  return json_answer(entry_point_json(call.state, call.name));
}

routing::InternalAnswer get_routers(const ApiCall& call) {
  const ControlState& state = call.state;
  std::vector<ListRow> rows;
  for (const auto& [name, router] : state.routers) rows.push_back(router_row(state, name, router));
  return answer_list(call.request, std::move(rows), [&](const ListRow& row) {
    return represented(router_json(state, row.key, state.routers.at(row.key)), row.key, "");
  });
}

routing::InternalAnswer get_router(const ApiCall& call) {
  const ControlState& state = call.state;
  const auto found = state.routers.find(routing::qualified_name(call.name, ""));
  if (found == state.routers.end()) return not_found("router", call.name);
  return json_answer(represented(router_json(state, found->first, found->second), found->first, ""));
}

routing::InternalAnswer get_services(const ApiCall& call) {
  const ControlState& state = call.state;
  const auto internal = internal_services_json(state);
  std::vector<ListRow> rows;
  for (const auto& [name, service] : state.services) rows.push_back(service_row(state, name, service));
  for (const auto& [name, object] : internal) rows.push_back(row_of(name, state.built.services));
  return answer_list(call.request, std::move(rows), [&](const ListRow& row) {
    if (const auto own = internal.find(row.key); own != internal.end()) {
      return represented(own->second, row.key, "");
    }
    return represented_service(state, row.key, state.services.at(row.key));
  });
}

routing::InternalAnswer get_service(const ApiCall& call) {
  const ControlState& state = call.state;
  const QualifiedName name = routing::qualified_name(call.name, "");
  if (const auto found = state.services.find(name); found != state.services.end()) {
    return json_answer(represented_service(state, name, found->second));
  }
  const auto internal = internal_services_json(state);
  const auto found = internal.find(name);
  if (found == internal.end()) return not_found("service", call.name);
  return json_answer(represented(found->second, name, ""));
}

routing::InternalAnswer get_middlewares(const ApiCall& call) {
  const ControlState& state = call.state;
  std::vector<ListRow> rows;
  for (const auto& [name, middleware] : state.middlewares) {
    rows.push_back(row_of(name, state.built.middlewares));
    rows.back().type = type_of(middleware);
  }
  return answer_list(call.request, std::move(rows), [&](const ListRow& row) {
    return represented_middleware(state, row.key, state.middlewares.at(row.key));
  });
}

routing::InternalAnswer get_middleware(const ApiCall& call) {
  const ControlState& state = call.state;
  const auto found = state.middlewares.find(routing::qualified_name(call.name, ""));
  if (found == state.middlewares.end()) return not_found("middleware", call.name);
  return json_answer(represented_middleware(state, found->first, found->second));
}

routing::InternalAnswer get_empty_list(const ApiCall& call) {
  return answer_list(call.request, {}, [](const ListRow&) { return Json(); });
}

}  // namespace limpet::admin
