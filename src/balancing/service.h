#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "balancing/admissions.h"
#include "balancing/server_state.h"
#include "balancing/sid_table.h"
#include "balancing/sticky.h"
#include "balancing/strategies.h"
#include "base/clock.h"
#include "config/model/dynamic.h"
#include "http/head.h"
#include "net/address.h"

/// Services as the data path sees them: immutable, built with the snapshot, and the decision which server
/// takes a request. Pure: no sockets, no clock but an argument.
namespace limpet::balancing {

/// One server of a service.
struct Server {
  std::shared_ptr<ServerState>
      state;                ///< shared with the registry and with tunnels, which may outlive the snapshot
  std::string url;          ///< byte for byte as configured
  std::string host;         ///< authority of the URL, "172.20.0.2:3000": for Host when not passed on
  std::string path_prefix;  ///< path of the URL, kept only with preservePath; else empty
  std::vector<net::SocketAddress>
      addresses;                ///< resolved by the control plane; empty: not resolved, taken as down
  std::uint32_t weight = 1;     ///< 0: bound users only
  std::uint32_t capacity = 0;   ///< most seats, 0: no limit
  bool fenced = false;          ///< discovery drains it
  std::uint64_t hrw_seed = 0;   ///< FNV-1a of the URL; set by Service
  std::string cookie_value;     ///< in the issued format; set by Service
  std::uint64_t ticket_id = 0;  ///< FNV-1a of "service|url", as ServerState's id; set by Service
};

/// What a request offers to choose by. Views of the request; valid during the call.
struct Choice {
  const http::RequestHead* head = nullptr;
  net::IpAddress client;
  base::TimePoint now{};
  SeatKind seat = SeatKind::kRequest;
  /// Servers already tried for this request (indexes into the service), not chosen again: the one a user is
  /// bound to counts as down when it is among them.
  const std::vector<std::uint32_t>* tried = nullptr;
  bool waited = false;  ///< asked by the queue, in turn; else who is new stands behind those who wait
  const Ticket* ticket = nullptr;         ///< what admit() found
  PlacementId placement = 0;              ///< the placement whose user this is, if known otherwise
  bool anew = false;                      ///< another server sent the user away: nothing binds it
  const ServerState* directed = nullptr;  ///< the server that another server sent the user to
};

/// What a request's ticket says, and what is still to be seen to.
struct Admission {
  std::optional<Ticket> ticket;
  bool spend = false;  ///< it lets one user in: SpentTickets must be asked once a server is chosen
};

/// Why no server was chosen.
enum class Refusal : std::uint8_t {
  kNoServer,       ///< the service has no server that is up and takes new users
  kAllFull,        ///< every server that could take the user is full
  kQueueFull,      ///< and so many wait already that no more may
  kBoundDown,      ///< the server the user is bound to is down, and the service says reject
  kBoundFull,      ///< it is full, and the service says reject
  kBoundUnknown,   ///< no server has the value given, and the service says reject
  kBoundDraining,  ///< it is draining, and the service says reject
  kWait,           ///< wait for the bound server or a seat: try again until `wait_timeout` has passed
};
/// "no-server", "all-full", "bound-server-down", ...: the value of the reason header.
[[nodiscard]] std::string_view refusal_name(Refusal refusal) noexcept;

/// What was chosen. The seat is taken already.
struct Selected {
  std::uint32_t index = 0;  ///< into servers()
  Seat seat;                ///< empty if `claim` has the seat
  Counted counted;
  Claim claim;                ///< of a placement's user; the tunnel that the request becomes keeps it
  bool by_sticky = false;     ///< a sticky source named it
  bool write_cookie = false;  ///< the answer must carry the service's cookie for this server

  /// From now on the seat is a tunnel's.
  void become_tunnel() {
    if (claim.has_seat()) {
      seat = claim.take_seat(SeatKind::kTunnel, counted);
    } else {
      seat.become_tunnel();
    }
  }
};

struct Refused {
  Refusal reason = Refusal::kNoServer;
  base::Duration wait_timeout{};            ///< for kWait
  Refusal after_wait = Refusal::kNoServer;  ///< what to answer when waiting was in vain
};

/// Whether it is to wait for any server, not for one that it is bound to.
[[nodiscard]] constexpr bool waits_as_new(const Refused& refused) noexcept {
  return refused.reason == Refusal::kWait &&
         (refused.after_wait == Refusal::kAllFull || refused.after_wait == Refusal::kNoServer);
}

/// A load-balanced service. Immutable but for the strategy's cursor; any thread.
class Service {
 public:
  /// `state`: the service's live state; one of its own if null. `admissions` outlives the service; without it
  /// nothing is known of placements and tickets.
  Service(std::string qualified_name, const config::LoadBalancer& settings, std::vector<Server> servers,
          std::shared_ptr<ServiceState> state = nullptr, Admissions* admissions = nullptr);

  /// Reads and checks a request's ticket, without any state but the keys. A value that does not look like a
  /// ticket is none. A request with an Engine.IO session id that is known needs no valid ticket: its session
  /// began with one. `unix_ms` is the wall time. Counts refusals; what is accepted counts when it is spent.
  [[nodiscard]] std::expected<Admission, TicketVerdict> admit(const http::RequestHead& head,
                                                              base::TimePoint now,
                                                              std::uint64_t unix_ms) const;

  /// Counts the ticket, and spends it if it lets one user in: false if it has let one in already. Once a
  /// server is chosen, so that a ticket is not lost on a service that is full.
  [[nodiscard]] bool accept(const Admission& admission, std::uint64_t unix_ms) const;

  /// Which server takes this request: the sticky sources in their order, then the strategy among the servers
  /// that take new users and have a seat. Constant time for a bound user.
  ///
  /// A ticket comes before the sticky sources: it leads to its placement's server or, if the placement is not
  /// known any more, to the server it names. A cookie may name a placement, too (see placed_cookie_value()).
  /// The placement's users take its reserved seats while there are any, then free ones.
  ///
  /// The first source that names a server decides; a value that names none is passed over, and counts
  /// (`onUnknown`) only if no other source names a server. What happens to the user of that server:
  ///
  /// | server                                | setting     | move           | wait      | reject         |
  /// |---------------------------------------|-------------|----------------|-----------|----------------|
  /// | down, ejected, not resolved, tried    | on_down     | choose again   | kWait     | kBoundDown     |
  /// | closing                               | -           | choose again   |           |                |
  /// | draining or fenced                    | on_draining | stays there    | kWait     | kBoundDraining |
  /// | full                                  | on_full     | choose again   | kWait     | kBoundFull     |
  /// | not one of this service (any more)    | on_unknown  | choose again   | as move   | kBoundUnknown  |
  ///
  /// After kWait the caller joins the queue (state().queue()) for at most `wait_timeout`, and then answers
  /// `after_wait`; who waits for a server that is only known to be down by trying it tries again instead,
  /// with an empty `tried`. A new user (or one that must choose again) who finds every server full, or others
  /// waiting, waits likewise if there is a queue timeout; where the service is scaled, also if it has no
  /// server that is up, since one may come.
  ///
  /// The cookie is to be written when the server was chosen anew, and when a source named it and the cookie
  /// that came along does not say so in the issued format (an old format, another server's, or none), so that
  /// the next request finds the way by cookie. Of a user known by sid it is only rewritten, never first
  /// written: the handshake's answer had it, and the client does not send it back.
  [[nodiscard]] std::expected<Selected, Refused> choose(const Choice& choice) const;

  /// Whether any server could take a new user if it had a seat (for failover): a service that is merely full
  /// is up.
  [[nodiscard]] bool is_up(base::TimePoint now) const noexcept;
  /// When the first of its servers that are ejected now returns; the maximum if none is.
  [[nodiscard]] base::TimePoint next_return(base::TimePoint now) const noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const config::LoadBalancer& settings() const noexcept { return settings_; }
  /// How users keep to their servers; the defaults where the service is not sticky but has tickets.
  [[nodiscard]] const config::Sticky& sticky() const noexcept;
  [[nodiscard]] const std::vector<Server>& servers() const noexcept { return servers_; }
  /// Most users who may wait at a time.
  [[nodiscard]] std::uint32_t queue_limit() const noexcept { return settings_.queue_limit; }
  [[nodiscard]] ServiceState& state() const noexcept { return *state_; }
  /// The name of the sticky cookie, empty if the service is not sticky by cookie (`sticky.cookie` is not set,
  /// or `sticky.sources` leaves the cookie out).
  [[nodiscard]] const std::string& cookie_name() const noexcept { return cookie_name_; }
  /// The Set-Cookie value that binds a user to a server. Only if cookie_name() is not empty.
  [[nodiscard]] std::string set_cookie(std::uint32_t index) const;
  /// A cookie's value that names the server and a placement on it, and the Set-Cookie value that sets it.
  [[nodiscard]] std::string placed_cookie_value(std::uint32_t index, PlacementId placement) const;
  [[nodiscard]] std::string set_placed_cookie(std::uint32_t index, PlacementId placement) const;
  /// The server with any accepted cookie value or exactly this URL.
  [[nodiscard]] std::optional<std::uint32_t> find_server(std::string_view value) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> find_server(const ServerState& state) const noexcept;
  /// Whether a server can take users at all: it has an address, checks do not see it down, and it is
  /// not closing.
  [[nodiscard]] bool is_usable(std::uint32_t index, base::TimePoint now) const noexcept;
  /// Null if placements and tickets are switched off.
  [[nodiscard]] Admissions* admissions() const noexcept { return admissions_; }
  /// Signs tickets for this service. Null without admissions.
  [[nodiscard]] const std::shared_ptr<const TicketKeys>& ticket_keys() const noexcept { return ticket_keys_; }
  /// What tickets call this service.
  [[nodiscard]] std::uint64_t ticket_id() const noexcept { return ticket_id_; }
  /// Whether `sid` is among the sticky sources, or sessions hold seats, so that handshake answers must be
  /// read for it.
  [[nodiscard]] bool learns_sid() const noexcept { return learns_sid_; }
  /// Whether sessions hold seats: in sids(), or with their tunnels.
  [[nodiscard]] bool counts_sessions() const noexcept {
    return settings_.capacity_counts == config::CapacityCounts::kSessions;
  }
  [[nodiscard]] SidTable& sids() const noexcept { return *sids_; }
  /// The same table in the next snapshot: sids survive a reload. Control thread.
  void adopt_sids(std::shared_ptr<SidTable> sids);
  [[nodiscard]] const std::shared_ptr<SidTable>& shared_sids() const noexcept { return sids_; }

 private:
  /// What the sticky sources say about a request.
  struct Binding {
    std::optional<std::uint32_t> server;
    bool by_sid = false;
    bool unknown = false;  // a source gave a value that names no server
    std::shared_ptr<Reservation> reservation;
  };
  /// What a cookie's value names.
  struct CookieNames {
    std::optional<std::uint32_t> server;
    PlacementId placement = 0;
  };
  void set_up_sticky();
  [[nodiscard]] bool says_so(std::optional<std::string_view> cookie, const Binding& binding) const noexcept;
  [[nodiscard]] Picker make_picker() const;
  [[nodiscard]] std::optional<std::string_view> sent_cookie(const http::RequestHead& head) const noexcept;
  [[nodiscard]] CookieNames read_cookie(std::string_view value) const noexcept;
  [[nodiscard]] std::optional<std::string_view> sent_ticket(const http::RequestHead& head) const noexcept;
  [[nodiscard]] bool follow_placement(PlacementId placement, Binding& binding) const;
  [[nodiscard]] Binding find_binding(const Choice& choice, std::optional<std::string_view> cookie) const;
  [[nodiscard]] std::expected<Selected, Refusal> take_bound_seat(const Choice& choice,
                                                                 const Binding& binding) const;
  [[nodiscard]] config::LostPolicy policy_for(Refusal lost) const noexcept;
  [[nodiscard]] Counted counted(const http::RequestHead& head, base::TimePoint now) const;
  [[nodiscard]] std::expected<Selected, Refused> choose_anew(const Choice& choice) const;

  std::string name_;
  config::LoadBalancer settings_;
  std::vector<Server> servers_;
  base::Duration queue_timeout_;
  std::shared_ptr<ServiceState> state_;  // shared with the registry and the next snapshots
  std::string cookie_name_;
  std::vector<config::StickySource> sources_;
  CookieIndex index_;
  std::unordered_map<const ServerState*, std::uint32_t> by_state_;
  std::unordered_map<std::uint64_t, std::uint32_t> by_ticket_server_;
  Admissions* admissions_ = nullptr;
  std::shared_ptr<const TicketKeys> ticket_keys_;  // shared with other services and snapshots
  std::uint64_t ticket_id_ = 0;
  bool learns_sid_ = false;
  std::shared_ptr<SidTable> sids_;  // shared by successive snapshots of the same service
  Picker picker_;
};

}  // namespace limpet::balancing
