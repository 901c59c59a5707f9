#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

/// Settings of placements and tickets, all of them Limpet's own.
namespace limpet::config {

/// How the server of a new key is chosen.
enum class PlacementPolicy : std::uint8_t {
  kPack,     ///< the fullest server below the soft limit, so that servers can empty
  kSpread,   ///< the emptiest server
  kHash,     ///< rendezvous hashing of the key: the same server on every replica, while it has seats
  kWebhook,  ///< somebody else is asked
};

/// `loadBalancer.placement.webhook`: who is asked for the server of a new key.
struct PlacementWebhook {
  std::string url;
  std::map<std::string, std::string> headers;
  base::Duration timeout = std::chrono::seconds(1);   ///< users wait as long
  PlacementPolicy fallback = PlacementPolicy::kPack;  ///< when it says nothing of use; never kWebhook
  bool operator==(const PlacementWebhook&) const = default;
};

/// `loadBalancer.placement`.
struct Placement {
  PlacementPolicy policy = PlacementPolicy::kPack;
  std::uint32_t soft_percent = 80;                ///< of a server's capacity, up to which `pack` fills it
  base::Duration ttl = std::chrono::seconds(15);  ///< how long seats are reserved if nobody says otherwise
  std::optional<PlacementWebhook> webhook;        ///< of policy kWebhook
  bool operator==(const Placement&) const = default;
};

/// `loadBalancer.tickets`.
struct Tickets {
  bool required = false;  ///< users without a valid ticket are refused
  bool single_use = false;
  std::string query = "ticket";          ///< query parameter that holds it
  std::string header = "Limpet-Ticket";  ///< request header that holds it
  std::vector<std::string> keys;         ///< "ID:SECRET", the first signs; empty: `placement.ticketKeys`
  bool operator==(const Tickets&) const = default;
};

/// `loadBalancer.join`: users ask for their seat themselves, at /limpet/join.
struct Join {
  bool enabled = false;
  std::vector<std::string> origins;  ///< of other pages that may ask and be redirected to; "*": all
  bool operator==(const Join&) const = default;
};

/// `loadBalancer.replay`: a server may send a request on to another one.
struct Replay {
  bool enabled = false;
  std::uint64_t max_body_bytes = 64 * 1024;  ///< requests with longer bodies can't be sent on
  bool operator==(const Replay&) const = default;
};

/// `placement` of the static configuration.
struct PlacementStore {
  std::string file;                      ///< where placements are kept; empty: in memory only
  std::vector<std::string> ticket_keys;  ///< "ID:SECRET", the first signs; empty: made at each start
  bool operator==(const PlacementStore&) const = default;
};

}  // namespace limpet::config
