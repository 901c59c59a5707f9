#pragma once

#include "admin/state.h"
#include "net/reactor.h"
#include "routing/internal.h"

namespace limpet::admin {

/// Places keys that servers send requests on to. No seats are reserved: each user takes one when it comes.
/// Asked on any thread; works on the control thread and replies once it is stored. `state` outlives it.
class KeyPlacements final : public routing::KeyPlacer {
 public:
  KeyPlacements(net::Reactor& control, ControlState& state) noexcept : control_(control), state_(state) {}
  void place_key(routing::KeyRequest request, Reply reply) override;

 private:
  void place(const routing::KeyRequest& request, Reply reply);

  net::Reactor& control_;
  ControlState& state_;
};

}  // namespace limpet::admin
