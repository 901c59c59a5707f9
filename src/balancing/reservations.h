#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "balancing/server_state.h"

/// Seats kept for the users of a placement, as the data path sees them.
namespace limpet::balancing {

/// Names a placement: random and hard to guess, so that knowing one is the right to its seats. Never 0.
using PlacementId = std::uint64_t;

/// Seats reserved on one server for the users of one placement. A user who comes claims one; it stays
/// reserved while the user only sends requests, and is the user's own from the tunnel on. What was never
/// claimed goes back to the server at close(). Shared by the table, the ledger and the claims, which end in
/// any order. Any thread.
///
/// The server always counts at least as many reserved seats as the reservations on it have: exact at any
/// moment, whatever the interleaving.
class Reservation {
 public:
  /// Takes over `seats` that are reserved on `server` already.
  Reservation(PlacementId id, std::shared_ptr<ServerState> server, std::uint32_t seats) noexcept
      : id_(id), server_(std::move(server)), counts_(seats) {}
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;
  ~Reservation() { close(); }

  [[nodiscard]] PlacementId id() const noexcept { return id_; }
  [[nodiscard]] const std::shared_ptr<ServerState>& server() const noexcept { return server_; }
  /// Seats for which no tunnel has been opened, those claimed by requests among them.
  [[nodiscard]] std::uint32_t held() const noexcept;
  /// Users who came by this placement and are connected.
  [[nodiscard]] std::uint32_t present() const noexcept { return present_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool closed() const noexcept;

  /// Adds seats that are reserved on the server already. False, and nothing is added, once it is closed.
  [[nodiscard]] bool add(std::uint32_t seats) noexcept;
  /// Gives every seat that is not claimed back to the server; others may be added later.
  void release_free() noexcept;
  /// The same for good: it takes no more seats and claims.
  void close() noexcept;

 private:
  friend class Claim;
  [[nodiscard]] bool claim() noexcept;
  void give_back() noexcept;
  void consume(SeatKind kind) noexcept;

  static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63U;
  static constexpr unsigned kClaimedShift = 32;
  static constexpr std::uint64_t kOneClaimed = std::uint64_t{1} << kClaimedShift;

  PlacementId id_;
  std::shared_ptr<ServerState> server_;  // shared: the reservation may outlive every snapshot that has it
  std::atomic<std::uint64_t> counts_;    // low half: free; then claimed by requests; highest bit: closed
  std::atomic<std::uint32_t> present_{0};
};

/// All reservations by placement. Sharded locks, held for one probe, touched only by users who bring a
/// placement's id and by the ledger. Any thread.
class Reservations {
 public:
  [[nodiscard]] std::shared_ptr<Reservation> find(PlacementId id) const;
  /// Puts a reservation in, instead of another one of the same placement.
  void set(std::shared_ptr<Reservation> reservation);
  void erase(PlacementId id);

  /// A user took a reserved seat for good.
  void note_arrival(PlacementId id);
  /// The placements whose users have taken seats since the last call. Every arrival whose seat is free again
  /// is among them, so that what is then reserved can be stored together with what was given up for it.
  [[nodiscard]] std::vector<PlacementId> take_arrivals();

 private:
  static constexpr std::size_t kShards = 64;
  struct Shard {
    mutable std::mutex mutex;  // guards by_id; held for one probe
    std::unordered_map<PlacementId, std::shared_ptr<Reservation>> by_id;
  };
  std::array<Shard, kShards> shards_;
  std::mutex arrivals_mutex_;  // guards arrivals_
  std::vector<PlacementId> arrivals_;
};

/// One user's presence in a placement and, where one was free, a claimed seat. Ends with the user's request,
/// or with the tunnel it becomes. Move only; belongs to one thread.
class Claim {
 public:
  Claim() = default;
  /// `reservations` outlives the claim. `wants_seat`: claims a seat if one is free; else it is only present.
  Claim(Reservations& reservations, std::shared_ptr<Reservation> reservation,
        bool wants_seat = true) noexcept;
  Claim(Claim&& other) noexcept
      : reservations_(other.reservations_),
        reservation_(std::move(other.reservation_)),
        has_seat_(std::exchange(other.has_seat_, false)) {}
  Claim& operator=(Claim&& other) noexcept;
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() { release(); }

  /// Whether it is a placement's user at all.
  [[nodiscard]] explicit operator bool() const noexcept { return reservation_ != nullptr; }
  /// Whether it holds a reserved seat.
  [[nodiscard]] bool has_seat() const noexcept { return has_seat_; }
  /// The reserved seat as one that is taken for good; only with has_seat(), which then is false.
  [[nodiscard]] Seat take_seat(SeatKind kind = SeatKind::kTunnel, Counted counted = {});
  void release() noexcept;

 private:
  Reservations* reservations_ = nullptr;
  std::shared_ptr<Reservation> reservation_;
  bool has_seat_ = false;
};

}  // namespace limpet::balancing
