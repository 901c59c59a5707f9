#include "proxy/tunnel_closer.h"

#include <algorithm>
#include <utility>

#include "proxy/tunnel_owner.h"

namespace limpet::proxy {

struct TunnelCloser::Run {
  Run(TunnelCloser& owner, ClosePlan wanted)
      : closer(owner),
        plan(std::move(wanted)),
        begun(owner.reactor_.now()),
        timer(&TunnelCloser::step, this) {}

  [[nodiscard]] bool concerns(const relay::TunnelOwner& owner) const noexcept {
    return plan.server == nullptr || &static_cast<const ProxiedTunnel&>(owner).server() ==
                                         plan.server.get();  // NOLINT(*-static-cast-downcast)
  }

  TunnelCloser& closer;
  ClosePlan plan;
  base::TimePoint begun;
  std::vector<base::Duration> offsets;
  std::size_t done = 0;
  net::Timer timer;
};

TunnelCloser::TunnelCloser(net::Reactor& reactor, relay::Engine& engine) noexcept
    : reactor_(reactor), engine_(engine) {}

TunnelCloser::~TunnelCloser() = default;

void TunnelCloser::begin(ClosePlan plan) {
  if (std::ranges::any_of(runs_, [&](const Run& run) { return run.plan.server == plan.server; })) return;
  Run& run = runs_.emplace_back(*this, std::move(plan));
  const std::size_t open =
      engine_.count_open([&](const relay::TunnelOwner& owner) { return run.concerns(owner); });
  run.offsets = run.plan.offsets(static_cast<std::uint32_t>(open));
  arm(run);
}

void TunnelCloser::arm(Run& run) noexcept {
  if (run.done == run.offsets.size()) {
    runs_.remove_if([&](const Run& each) { return &each == &run; });
    return;
  }
  const base::Duration elapsed = reactor_.now() - run.begun;
  reactor_.arm(run.timer, std::max(run.offsets[run.done] - elapsed, base::Duration(0)));
}

void TunnelCloser::step(void* context) noexcept {
  auto& run = *static_cast<Run*>(context);
  TunnelCloser& closer = run.closer;
  const base::Duration elapsed = closer.reactor_.now() - run.begun;
  const auto due =
      static_cast<std::size_t>(std::ranges::upper_bound(run.offsets, elapsed) - run.offsets.begin());
  const std::size_t steps = due - run.done;
  run.done = due;
  const bool last = due == run.offsets.size();
  (void)closer.engine_.close_some(
      last ? closer.engine_.open() : steps,
      [&](const relay::TunnelOwner& owner) { return run.concerns(owner); }, run.plan.code, run.plan.reason,
      run.plan.patience);
  closer.arm(run);
}

void TunnelCloser::cancel(const balancing::ServerState* server) noexcept {
  runs_.remove_if([server](const Run& run) { return run.plan.server.get() == server; });
}

}  // namespace limpet::proxy
