#include "admin/key_placements.h"

#include <utility>

#include "admin/placement_json.h"
#include "base/timestamp.h"

namespace limpet::admin {

void KeyPlacements::place_key(routing::KeyRequest request, Reply reply) {
  control_.post([this, request = std::move(request), reply = std::move(reply)]() mutable {
    place(request, std::move(reply));
  });
}

void KeyPlacements::place(const routing::KeyRequest& request, Reply reply) {
  const placement::Wish wish{.service = request.service, .key = request.key, .seats = 0, .url = request.url};
  const placement::Now now{.steady = base::Clock::now(), .unix_ms = base::unix_ms()};
  const auto placed = state_.placements->place({&wish, 1}, now);
  if (!placed) {
    return reply({.status = place_failure_answer(placed.error().error, wish).status});
  }
  const balancing::PlacementId id = placed->front().row.id;
  state_.placements->commit([id, reply = std::move(reply)](bool stored) mutable {
    reply(stored ? routing::KeyAnswer{.placement = id} : routing::KeyAnswer{.status = 500});
  });
}

}  // namespace limpet::admin
