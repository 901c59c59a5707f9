#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "balancing/reservations.h"
#include "balancing/server_state.h"
#include "balancing/sid_table.h"
#include "proxy/middleware.h"
#include "proxy/report.h"
#include "relay/engine.h"

namespace limpet::proxy {

class Worker;

/// The seat of an Engine.IO session that a tunnel carries, and where it goes if the session goes on without
/// it.
struct SessionSeat {
  std::shared_ptr<balancing::SidTable> sids;  ///< shared with the service's snapshots
  std::string sid;
  balancing::Seat seat;
};

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
                std::optional<SessionSeat> session = {}) noexcept;
  void closed(const relay::TunnelSummary& summary) noexcept override;
  [[nodiscard]] const balancing::ServerState& server() const noexcept { return *server_; }

 private:
  Worker& worker_;
  std::shared_ptr<balancing::ServerState>
      server_;  // shared: the tunnel may outlive every snapshot that has the server
  balancing::Seat seat_;
  std::vector<std::unique_ptr<Hold>> holds_;
  TunnelReport report_;
  std::unique_ptr<SessionSeat> session_;
};

}  // namespace limpet::proxy
