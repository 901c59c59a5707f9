#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

#include "balancing/reservations.h"
#include "balancing/ticket.h"

namespace limpet::balancing {

/// A ticket for one user that has let its user in.
struct SpentTicket {
  std::uint64_t nonce = 0;
  std::uint64_t expires_ms = 0;  ///< Unix time
  bool operator==(const SpentTicket&) const = default;
};

/// Tickets for one user each that have let theirs in, until they expire. Any thread: one lock, taken only for
/// such tickets.
class SpentTickets {
 public:
  /// Notes a ticket's use. False if it was used before. `now_ms` and `expires_ms` in Unix time.
  [[nodiscard]] bool spend(std::uint64_t nonce, std::uint64_t expires_ms, std::uint64_t now_ms);
  /// Takes a use back that nobody came in by.
  void take_back(std::uint64_t nonce);
  /// Notes what was spent before this process began.
  void restore(std::span<const SpentTicket> tickets);

 private:
  std::mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, std::uint64_t> expires_by_nonce_;
  std::size_t sweep_at_ = 1024;  // entries from which expired ones are looked for
};

/// What the data path needs to let the users of placements in. Made once at start; outlives every snapshot,
/// worker and tunnel. Any thread.
struct Admissions {
  Reservations reservations;
  SpentTickets spent;
  std::shared_ptr<const TicketKeys> keys = std::make_shared<TicketKeys>();  ///< set before the first request
  /// Stores a use where no crash can lose it, and tells on any thread whether it is there: before the user is
  /// let in, so that the ticket lets nobody in after a restart. Null: uses are known until the process ends.
  /// Set before the first request; called on any thread.
  std::function<void(const SpentTicket& ticket, std::move_only_function<void(bool stored)> done)> keep_spent;
  std::array<std::atomic<std::uint64_t>, kTicketVerdicts> verdicts{};  ///< tickets seen, by verdict

  void count(TicketVerdict verdict) noexcept {
    verdicts[static_cast<std::size_t>(verdict)].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace limpet::balancing
