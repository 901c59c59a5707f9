#pragma once

#include <expected>
#include <memory>
#include <vector>

#include "routing/snapshot.h"
#include "routing/snapshot_builder.h"

namespace limpet::proxy {

/// Makes a MiddlewareChain of links, none of which is a `chain`; fits routing::ChainFactory. Steps of
/// `previous` (a chain made here before, or null) whose name and settings are equal go on in the new chain,
/// so that rate limits, counts of requests in flight and verified passwords outlive a reload; the rest is
/// forgotten with `previous`. Every router has steps of its own, as in Traefik. Fails with a sentence that
/// names what is allowed and the middleware at fault. Reads basicAuth's users files: control thread only.
[[nodiscard]] std::expected<std::shared_ptr<routing::Chain>, routing::ChainError> make_chain(
    const std::vector<routing::ChainLink>& links, const routing::BuiltChain* previous);

}  // namespace limpet::proxy
