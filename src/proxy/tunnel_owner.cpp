#include "proxy/tunnel_owner.h"

#include <utility>

#include "proxy/worker.h"

namespace limpet::proxy {

ProxiedTunnel::ProxiedTunnel(Worker& worker, std::shared_ptr<balancing::ServerState> server,
                             balancing::Seat seat, std::vector<std::unique_ptr<Hold>> holds,
                             TunnelReport report, std::optional<SessionSeat> session) noexcept
    : worker_(worker),
      server_(std::move(server)),
      seat_(std::move(seat)),
      holds_(std::move(holds)),
      report_(std::move(report)),
      session_(session ? std::make_unique<SessionSeat>(std::move(*session)) : nullptr) {}

void ProxiedTunnel::closed(const relay::TunnelSummary& summary) noexcept {
  // A probe is the client's first message; only with the next one the session has moved to the tunnel.
  if (session_ != nullptr && summary.messages_to_server < 2) {
    session_->sids->give_back(session_->sid, std::move(session_->seat), worker_.reactor().now());
  }
  session_.reset();
  seat_.release();
  worker_.tunnel_ended();
  worker_.reporter().tunnel_closed(report_, summary);
}

}  // namespace limpet::proxy
