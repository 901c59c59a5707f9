#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "balancing/reservations.h"
#include "balancing/server_state.h"
#include "balancing/service.h"
#include "balancing/sid_table.h"
#include "http/head.h"
#include "proxy/middleware.h"
#include "proxy/report.h"
#include "relay/engine.h"

namespace limpet::proxy {

class Worker;

/// What an Engine.IO session has while a tunnel carries it, and where it goes if the session goes on without
/// the tunnel.
struct CarriedSession {
  std::shared_ptr<balancing::SidTable> sids;  ///< shared with the service's snapshots
  std::string sid;
  balancing::SessionHold hold;
};

/// Takes what the session has that an upgrade request names, if sessions count and it has a seat.
[[nodiscard]] std::optional<CarriedSession> carry_session(const balancing::Service& service,
                                                          const http::RequestHead& head);

/// Keeps the user of a placement present in it for as long as a tunnel lasts.
class PlacementHold final : public Hold {
 public:
  explicit PlacementHold(balancing::Claim claim) noexcept : claim_(std::move(claim)) {}

 private:
  balancing::Claim claim_;
};

/// Holds a tunnel's seat on its server, and what the middlewares hold for it, until it ends; then reports.
/// One thread.
class ProxiedTunnel final : public relay::TunnelOwner {
 public:
  ProxiedTunnel(Worker& worker, std::shared_ptr<balancing::ServerState> server, balancing::Seat seat,
                std::vector<std::unique_ptr<Hold>> holds, TunnelReport report,
                std::optional<CarriedSession> session = {}) noexcept;
  void closed(const relay::TunnelSummary& summary) noexcept override;
  [[nodiscard]] const balancing::ServerState& server() const noexcept { return *server_; }

 private:
  Worker& worker_;
  std::shared_ptr<balancing::ServerState>
      server_;  // shared: the tunnel may outlive every snapshot that has the server
  balancing::Seat seat_;
  std::vector<std::unique_ptr<Hold>> holds_;
  TunnelReport report_;
  std::unique_ptr<CarriedSession> session_;
};

}  // namespace limpet::proxy
