#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/state.h"
#include "balancing/service.h"
#include "base/clock.h"

/// The servers of the snapshot in force, as the API and the metrics tell of them. Control thread.
namespace limpet::admin {

/// One server and the service it belongs to; valid as long as the snapshot.
struct ServerView {
  const balancing::Service* service = nullptr;
  const balancing::Server* server = nullptr;
};

/// All servers, by service name and then as configured.
[[nodiscard]] std::vector<ServerView> all_servers(const ControlState& state);

/// All services that have servers of their own, by name.
[[nodiscard]] std::vector<const balancing::Service*> all_services(const ControlState& state);

/// What becomes of requests to a server, in one word; the first that fits.
enum class ServerStatus : std::uint8_t {
  kDown,      ///< checks say so, or requests failed, or its name does not resolve: no one
  kDraining,  ///< people or discovery want it empty: bound users only
  kUnknown,   ///< not checked: everyone
  kUp,        ///< everyone
};

[[nodiscard]] ServerStatus status_of(const balancing::Server& server, base::TimePoint now) noexcept;
/// "down", "draining", "unknown" or "up".
[[nodiscard]] std::string_view status_name(ServerStatus status) noexcept;
/// Traefik's "UP" or "DOWN": whether bound users at least get an answer.
[[nodiscard]] std::string_view traefik_status(const balancing::Server& server, base::TimePoint now) noexcept;

}  // namespace limpet::admin
