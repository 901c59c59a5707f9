#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "admin/answers.h"
#include "admin/state.h"
#include "balancing/service.h"
#include "placement/ledger.h"

/// Placements as answers tell of them. Control thread.
namespace limpet::admin {

/// The load-balanced service of the snapshot in force with this qualified name, or null.
[[nodiscard]] const balancing::Service* find_leaf(const ControlState& state, std::string_view name);

/// The load-balanced service of the snapshot in force with this name, "webapp@docker", or "webapp" if only
/// one provider has one of that name. Fails with a sentence.
[[nodiscard]] std::expected<const balancing::Service*, std::string> find_balanced_service(
    const ControlState& state, std::string_view name);

/// A ticket that takes its bearer to the placement; empty if there are no keys.
[[nodiscard]] std::string ticket_for(const balancing::Service& service, const placement::Placed& placed);

/// A placement without what lets users in: for lists.
[[nodiscard]] Json placement_json(const placement::Placed& placed);
/// A placement with its cookie and ticket: for whoever placed it. With single-use tickets there is one for
/// each seat in `tickets`.
[[nodiscard]] Json placement_json_with_way_in(const balancing::Service& service,
                                              const placement::Placed& placed);

/// The status and sentence for a wish that was not granted: 404, 409 or 503.
[[nodiscard]] routing::InternalAnswer place_failure_answer(placement::PlaceError error,
                                                           const placement::Wish& wish);

}  // namespace limpet::admin
