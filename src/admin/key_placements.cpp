#include "admin/key_placements.h"

#include <span>
#include <utility>

#include "admin/placement_json.h"

namespace limpet::admin {

void KeyPlacements::place_key(routing::KeyRequest request, Reply reply) {
  control_.post([this, request = std::move(request), reply = std::move(reply)]() mutable {
    place(request, std::move(reply));
  });
}

void KeyPlacements::place(const routing::KeyRequest& request, Reply reply) {
  placement::Wish wish{.service = request.service, .key = request.key, .seats = 0, .url = request.url};
  state_.placer->place(
      {std::move(wish)}, [this, reply = std::move(reply)](std::span<const placement::Wish> wishes,
                                                          const placement::Placer::Result& placed) mutable {
        if (!placed) {
          return reply({.status = place_failure_answer(placed.error().error, wishes.front()).status});
        }
        const balancing::PlacementId id = placed->front().row.id;
        state_.placements->commit([id, reply = std::move(reply)](bool stored) mutable {
          reply(stored ? routing::KeyAnswer{.placement = id} : routing::KeyAnswer{.status = 500});
        });
      });
}

}  // namespace limpet::admin
