#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "balancing/service_state.h"
#include "base/clock.h"
#include "telemetry/traffic.h"

namespace limpet::balancing {

/// What people and discovery want of a server.
enum class AdminState : std::uint8_t {
  kReady,
  kDraining,  ///< it is to become empty: no new users
  kClosing,   ///< and its tunnels are being closed: bound users are not to come back to it
};

/// What checks see. kUnknown: not checked yet, or no check is configured; taken as up.
enum class Health : std::uint8_t { kUnknown, kUp, kDown };

/// What a seat is held for; both count against the capacity.
enum class SeatKind : std::uint8_t { kRequest, kTunnel };

/// What of a user counts against the capacity: the request, the tunnel it may become, both or neither.
struct Counted {
  bool request = true;
  bool tunnel = true;
};

using telemetry::TrafficCounters;

/// The live state of one server, keyed by its identity (service and URL). It outlives configuration changes,
/// so that counts survive every reload. Any thread may read and count; admin and health are set by the
/// control thread (health also by passive checks).
///
/// | admin    | discovery fences | health        | new users | bound users |
/// |----------|------------------|---------------|-----------|-------------|
/// | ready    | no               | up or unknown | yes       | yes         |
/// | ready    | yes              | up or unknown | no        | yes         |
/// | draining | any              | up or unknown | no        | yes         |
/// | closing  | any              | up or unknown | no        | no          |
/// | any      | any              | down          | no        | no          |
class ServerState {
 public:
  /// `number`: rises with each server that is made. `service_state`: the live state of its service, which is
  /// told of free seats; may be null.
  ServerState(std::string service, std::string url, std::uint32_t threads, std::uint64_t number = 0,
              std::shared_ptr<ServiceState> service_state = nullptr);
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;

  [[nodiscard]] const std::string& service() const noexcept { return service_; }  ///< qualified name
  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  /// Stable id for the API: 16 hex digits of FNV-1a of "service|url".
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// Of two servers the one with the lower number was known first.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

  /// Takes a seat if fewer than `capacity` are taken or reserved (0: no limit). Exact under any concurrency.
  [[nodiscard]] bool try_take_seat(SeatKind kind, std::uint32_t capacity) noexcept;
  void release_seat(SeatKind kind) noexcept;
  /// Turns a request's seat into a tunnel's; the number of seats taken does not change.
  void turn_into_tunnel() noexcept;
  /// The seat is free, but who had it goes on.
  void stop_counting() noexcept;
  /// A tunnel that does not count began or ended.
  void uncounted_tunnel_began() noexcept { turn_into_tunnel(); }
  void uncounted_tunnel_ended() noexcept { tunnels_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t seats_taken() const noexcept {
    return taken_of(seats_.load(std::memory_order_relaxed));
  }

  /// Reserves `count` seats if, with those taken and reserved, they are within `capacity` (0: no limit): all
  /// of them or none. Counted in the same word as the seats taken, so that both together are exact.
  [[nodiscard]] bool try_reserve(std::uint32_t count, std::uint32_t capacity) noexcept;
  void release_reserved(std::uint32_t count) noexcept;
  /// Turns one reserved seat into one taken; the sum of both does not change.
  void take_reserved(SeatKind kind) noexcept;
  [[nodiscard]] std::uint32_t seats_reserved() const noexcept {
    return reserved_of(seats_.load(std::memory_order_relaxed));
  }
  /// Seats that nobody else can have: taken and reserved.
  [[nodiscard]] std::uint64_t seats_in_use() const noexcept {
    const std::uint64_t seats = seats_.load(std::memory_order_relaxed);
    return std::uint64_t{taken_of(seats)} + reserved_of(seats);
  }
  [[nodiscard]] std::uint32_t tunnels_open() const noexcept {
    return tunnels_.load(std::memory_order_relaxed);
  }

  [[nodiscard]] AdminState admin() const noexcept { return admin_.load(std::memory_order_relaxed); }
  void set_admin(AdminState state) noexcept;
  [[nodiscard]] Health health() const noexcept { return health_.load(std::memory_order_relaxed); }
  void set_health(Health health) noexcept;

  /// A passive check's count: notes a failure at `now`. If this one makes `max_failures` within `window`
  /// since the first of them, the server is ejected until `now + window`, the count starts anew, and the
  /// result is true (for the log). Any thread.
  [[nodiscard]] bool note_failure(base::TimePoint now, base::Duration window,
                                  std::uint32_t max_failures) noexcept;
  /// Ejected by passive checks at `now`.
  [[nodiscard]] bool is_ejected(base::TimePoint now) const noexcept;
  /// When the last ejection ends or ended; long ago if there was none.
  [[nodiscard]] base::TimePoint ejected_until() const noexcept;

  [[nodiscard]] TrafficCounters& traffic(std::uint32_t thread) noexcept { return traffic_[thread]; }
  [[nodiscard]] std::uint32_t threads() const noexcept { return threads_; }
  /// Sum over all threads.
  struct Totals {
    std::uint64_t requests = 0, tunnels = 0, messages_to_server = 0, messages_to_client = 0,
                  bytes_to_server = 0, bytes_to_client = 0, failures = 0;
  };
  [[nodiscard]] Totals totals() const noexcept;

 private:
  static constexpr unsigned kReservedShift = 32;
  static constexpr std::uint64_t kOneReserved = std::uint64_t{1} << kReservedShift;
  [[nodiscard]] static constexpr std::uint32_t taken_of(std::uint64_t seats) noexcept {
    return static_cast<std::uint32_t>(seats);
  }
  [[nodiscard]] static constexpr std::uint32_t reserved_of(std::uint64_t seats) noexcept {
    return static_cast<std::uint32_t>(seats >> kReservedShift);
  }
  [[nodiscard]] bool try_add(std::uint32_t count, std::uint64_t each, std::uint32_t capacity) noexcept;

  std::string service_;
  std::string url_;
  std::string id_;
  std::uint64_t number_;
  std::shared_ptr<ServiceState> service_state_;  // shared: a tunnel may outlive the service
  std::atomic<std::uint64_t> seats_{0};          // low half: taken; high half: reserved
  std::atomic<std::uint32_t> tunnels_{0};
  std::atomic<AdminState> admin_{AdminState::kReady};
  std::atomic<Health> health_{Health::kUnknown};
  std::atomic<std::int64_t> ejected_until_{std::numeric_limits<std::int64_t>::min()};
  std::atomic<std::uint64_t> failures_in_window_{0};  // window start in ms, high 40 bits; count, low 24 bits
  std::uint32_t threads_;
  std::unique_ptr<TrafficCounters[]> traffic_;
};

/// A seat held on a server; released when it goes out of scope. One that does not count holds a place all the
/// same, without being limited. Move only. Belongs to one thread at a time.
class Seat {
 public:
  Seat() = default;
  /// Of a seat that is taken already.
  Seat(ServerState& server, SeatKind kind, Counted counted = {}) noexcept
      : server_(&server), kind_(kind), counted_(counted) {}
  /// Takes one, if it counts and one is free within `capacity`, or if it does not count.
  [[nodiscard]] static std::optional<Seat> take(ServerState& server, SeatKind kind, std::uint32_t capacity,
                                                Counted counted) noexcept {
    if (!(kind == SeatKind::kTunnel ? counted.tunnel : counted.request)) {
      if (kind == SeatKind::kTunnel) server.uncounted_tunnel_began();
    } else if (!server.try_take_seat(kind, capacity)) {
      return std::nullopt;
    }
    return Seat(server, kind, counted);
  }
  Seat(Seat&& other) noexcept
      : server_(std::exchange(other.server_, nullptr)), kind_(other.kind_), counted_(other.counted_) {}
  Seat& operator=(Seat&& other) noexcept {
    if (this != &other) {
      release();
      server_ = std::exchange(other.server_, nullptr);
      kind_ = other.kind_;
      counted_ = other.counted_;
    }
    return *this;
  }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { release(); }

  /// From now on it is a tunnel's seat. A tunnel only counts if its request did.
  void become_tunnel() noexcept {
    if (server_ != nullptr && kind_ == SeatKind::kRequest) {
      server_->turn_into_tunnel();
      counted_.tunnel = counted_.tunnel && counted_.request;
      if (counted_.request && !counted_.tunnel) server_->stop_counting();
    }
    kind_ = SeatKind::kTunnel;
  }
  void release() noexcept {
    ServerState* const server = std::exchange(server_, nullptr);
    if (server == nullptr) return;
    if (kind_ == SeatKind::kTunnel ? counted_.tunnel : counted_.request) {
      server->release_seat(kind_);
    } else if (kind_ == SeatKind::kTunnel) {
      server->uncounted_tunnel_ended();
    }
  }
  [[nodiscard]] ServerState* server() const noexcept { return server_; }

 private:
  ServerState* server_ = nullptr;
  SeatKind kind_ = SeatKind::kRequest;
  Counted counted_;
};

/// All servers' and services' live state by identity. A state is kept as long as a snapshot, a tunnel or a
/// request uses it, and forgotten by `forget_unused` afterwards; a service's likewise. Shared ownership,
/// because snapshots, tunnels and the registry all keep a state alive and end in any order. Control thread
/// only.
class ServerRegistry {
 public:
  explicit ServerRegistry(std::uint32_t threads) : threads_(threads) {}
  /// The state of this server, made if new.
  [[nodiscard]] std::shared_ptr<ServerState> find_or_add(std::string_view service, std::string_view url);
  /// The state of this service (its qualified name), made if new.
  [[nodiscard]] std::shared_ptr<ServiceState> service(std::string_view name);
  /// Drops what nobody else holds and has no seat taken or reserved.
  void forget_unused();
  [[nodiscard]] std::size_t size() const noexcept { return states_.size(); }

 private:
  std::uint32_t threads_;
  std::uint64_t next_number_ = 1;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<ServerState>, std::less<>> states_;
  std::map<std::string, std::shared_ptr<ServiceState>, std::less<>> services_;
};

}  // namespace limpet::balancing
