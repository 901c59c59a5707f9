#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model/dynamic.h"
#include "config/model/static.h"

namespace limpet::config {

/// The entry point that Traefik makes for its own services.
inline constexpr std::string_view kInternalEntryPoint = "traefik";
/// The provider of what Limpet defines itself.
inline constexpr std::string_view kInternalProvider = "internal";

/// Adds what follows from what was configured, as Traefik does: entry point "http" on :80 if there is none;
/// entry point "traefik" on :8080 for an insecure API, ping and metrics that name no other; the API's address
/// if it is not insecure.
void complete(Static& settings);

/// The entry points of routers that name none: those with asDefault, else all but "traefik".
[[nodiscard]] std::vector<std::string> default_entry_points(const Static& settings);

/// The names of the services that Limpet answers itself, without "@internal": api, dashboard, ping,
/// prometheus, noop.
[[nodiscard]] const std::vector<std::string_view>& internal_services();

/// The router to join@internal on the default entry points, for when a service has `join.enabled`.
[[nodiscard]] Router join_router();

/// What provider "internal" defines: the routers to api@internal, dashboard@internal, ping@internal and
/// prometheus@internal that the static configuration asks for, and the redirections of entry points.
[[nodiscard]] Dynamic internal_dynamic(const Static& settings);

}  // namespace limpet::config
