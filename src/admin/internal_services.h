#pragma once

#include "admin/state.h"
#include "net/reactor.h"
#include "routing/internal.h"

namespace limpet::admin {

/// Answers what is routed to api@internal, dashboard@internal, ping@internal, prometheus@internal and
/// join@internal, and
/// everything that comes in by the admin entry point (then by path: /api, /ping, /metrics, the rest is the
/// dashboard). Asked on any thread; works and replies on the control thread. `state` outlives it.
class InternalServices final : public routing::InternalHandler {
 public:
  InternalServices(net::Reactor& control, ControlState& state) noexcept : control_(control), state_(state) {}
  void handle(routing::InternalRequest request, Reply reply) override;

  /// Answers a request, at once or when what it asks for is done. Control thread.
  void answer(const routing::InternalRequest& request, Reply reply);

 private:
  net::Reactor& control_;
  ControlState& state_;
};

}  // namespace limpet::admin
