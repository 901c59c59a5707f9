#pragma once

#include "admin/api_router.h"
#include "routing/internal.h"

/// Limpet's own part of the API: servers with their live state, and how discovery fares. Control thread.
namespace limpet::admin {

/// GET /api/servers: all servers, or with `?service=NAME` those of one service ("webapp@docker", or "webapp"
/// of any provider).
[[nodiscard]] routing::InternalAnswer get_servers(const ApiCall& call);
/// GET /api/servers/{id}
[[nodiscard]] routing::InternalAnswer get_server(const ApiCall& call);
/// POST /api/servers/{id}/drain: from now on the server takes no new users; those bound to it stay. Answers
/// with the server as it is then.
[[nodiscard]] routing::InternalAnswer drain_server(const ApiCall& call);
/// POST /api/servers/{id}/undrain: the server takes new users again, unless discovery fences it.
[[nodiscard]] routing::InternalAnswer undrain_server(const ApiCall& call);
/// GET /api/providers
[[nodiscard]] routing::InternalAnswer get_providers(const ApiCall& call);

}  // namespace limpet::admin
