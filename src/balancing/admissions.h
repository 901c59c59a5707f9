#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "balancing/reservations.h"
#include "balancing/ticket.h"

namespace limpet::balancing {

/// Tickets for one user each that have let theirs in, until they expire. Any thread: one lock, taken only for
/// such tickets.
class SpentTickets {
 public:
  /// Notes a ticket's use. False if it was used before. `now_ms` and `expires_ms` in Unix time.
  [[nodiscard]] bool spend(std::uint64_t nonce, std::uint64_t expires_ms, std::uint64_t now_ms);

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
  std::array<std::atomic<std::uint64_t>, kTicketVerdicts> verdicts{};       ///< tickets seen, by verdict

  void count(TicketVerdict verdict) noexcept {
    verdicts[static_cast<std::size_t>(verdict)].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace limpet::balancing
