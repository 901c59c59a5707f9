#include "proxy/tunnel_owner.h"

#include <utility>

#include "http/cookie.h"
#include "proxy/worker.h"

namespace limpet::proxy {

std::optional<CarriedSession> carry_session(const balancing::Service& service,
                                            const http::RequestHead& head) {
  const auto sid = service.counts_sessions() ? http::find_query(head.query, "sid") : std::nullopt;
  if (!sid) return std::nullopt;
  balancing::SessionHold hold = service.sids().take(*sid);
  if (hold.seat.server() == nullptr) return std::nullopt;
  return CarriedSession{.sids = service.shared_sids(), .sid = std::string(*sid), .hold = std::move(hold)};
}

ProxiedTunnel::ProxiedTunnel(Worker& worker, std::shared_ptr<balancing::ServerState> server,
                             balancing::Seat seat, std::vector<std::unique_ptr<Hold>> holds,
                             TunnelReport report, std::optional<CarriedSession> session) noexcept
    : worker_(worker),
      server_(std::move(server)),
      seat_(std::move(seat)),
      holds_(std::move(holds)),
      report_(std::move(report)),
      session_(session ? std::make_unique<CarriedSession>(std::move(*session)) : nullptr) {}

void ProxiedTunnel::closed(const relay::TunnelSummary& summary) noexcept {
  // A probe is the client's first message; only with the next one the session has moved to the tunnel.
  if (session_ != nullptr && summary.messages_to_server < 2) {
    session_->sids->give_back(session_->sid, std::move(session_->hold), worker_.reactor().now());
  }
  session_.reset();
  seat_.release();
  worker_.tunnel_ended();
  worker_.reporter().tunnel_closed(report_, summary);
}

}  // namespace limpet::proxy
