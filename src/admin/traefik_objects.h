#pragma once

#include <map>
#include <string>

#include "admin/answers.h"
#include "admin/state.h"
#include "config/model/dynamic.h"

/// Routers, services and middlewares as Traefik's API tells of them: what was configured and what became of
/// it. Without `name`, `provider` and `type`, which /api/rawdata does not have. Control thread.
namespace limpet::admin {

/// What became of an object; an empty report if it has not been built yet. Valid as long as `reports`.
[[nodiscard]] const routing::ObjectReport& report_of(const routing::Reports& reports,
                                                     const config::QualifiedName& name);

/// The priority in force; the one configured if the rule can't be read.
[[nodiscard]] std::int64_t priority_of(const ControlState& state, const config::QualifiedName& name,
                                       const config::Router& router);

[[nodiscard]] Json router_json(const ControlState& state, const config::QualifiedName& name,
                               const config::Router& router);
[[nodiscard]] Json service_json(const ControlState& state, const config::QualifiedName& name,
                                const config::Service& service);
[[nodiscard]] Json middleware_json(const ControlState& state, const config::QualifiedName& name,
                                   const config::Middleware& middleware);

/// The services that Limpet answers itself (api@internal and so on), by name.
[[nodiscard]] std::map<config::QualifiedName, Json> internal_services_json(const ControlState& state);

}  // namespace limpet::admin
