#include "proxy/tunnel_owner.h"

#include <utility>

#include "proxy/worker.h"

namespace limpet::proxy {

ProxiedTunnel::ProxiedTunnel(Worker& worker, std::shared_ptr<balancing::ServerState> server,
                             balancing::Seat seat, std::vector<std::unique_ptr<Hold>> holds,
                             TunnelReport report) noexcept
    : worker_(worker),
      server_(std::move(server)),
      seat_(std::move(seat)),
      holds_(std::move(holds)),
      report_(std::move(report)) {}

void ProxiedTunnel::closed(const relay::TunnelSummary& summary) noexcept {
  seat_.release();
  worker_.tunnel_ended();
  worker_.reporter().tunnel_closed(report_, summary);
}

}  // namespace limpet::proxy
