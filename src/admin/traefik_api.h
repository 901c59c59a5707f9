#pragma once

#include "admin/api_router.h"
#include "routing/internal.h"

/// Traefik's read endpoints, in the shape of its version 3: what its users' programs and dashboards ask for.
/// Limpet has no TCP and UDP routers, so those lists are empty. Control thread.
namespace limpet::admin {

[[nodiscard]] routing::InternalAnswer get_version(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_overview(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_rawdata(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_entry_points(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_entry_point(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_routers(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_router(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_services(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_service(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_middlewares(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_middleware(const ApiCall& call);
[[nodiscard]] routing::InternalAnswer get_empty_list(const ApiCall& call);

}  // namespace limpet::admin
