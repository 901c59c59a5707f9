#pragma once

#include "admin/state.h"
#include "routing/internal.h"

/// What pages without a server of their own ask for: a seat with the users of a key.
namespace limpet::admin {

/// Answers /limpet/join and /limpet/join/negotiate for services that have `join.enabled`. Every call reserves
/// one seat more for the key. Answers JSON with the sticky cookie set; with `redirect=` a redirection, only
/// to the same origin or one of `join.origins`; negotiate answers {url, accessToken}, the shape of SignalR,
/// with the ticket in both. Pages of other origins are answered as `join.origins` says (CORS). Control
/// thread.
void answer_join(const routing::InternalRequest& request, ControlState& state,
                 routing::InternalHandler::Reply reply);

}  // namespace limpet::admin
