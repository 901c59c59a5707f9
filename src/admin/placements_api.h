#pragma once

#include "admin/api_router.h"
#include "routing/internal.h"

/// Placements by API. What changes something is answered once it is stored. Control thread.
namespace limpet::admin {

/// POST /api/placements: one object, or an array that is placed whole or not at all.
void place(const ApiCall& call, routing::InternalHandler::Reply reply);
/// GET /api/placements: all, or with `?service=NAME` those of one service.
[[nodiscard]] routing::InternalAnswer get_placements(const ApiCall& call);
/// GET /api/placements/{service}/{key}
[[nodiscard]] routing::InternalAnswer get_placement(const ApiCall& call);
/// DELETE /api/placements/{service}/{key}
void delete_placement(const ApiCall& call, routing::InternalHandler::Reply reply);

}  // namespace limpet::admin
