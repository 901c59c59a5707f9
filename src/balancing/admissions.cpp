#include "balancing/admissions.h"

#include <algorithm>

namespace limpet::balancing {

bool SpentTickets::spend(std::uint64_t nonce, std::uint64_t expires_ms, std::uint64_t now_ms) {
  const std::scoped_lock lock(mutex_);
  if (expires_by_nonce_.size() >= sweep_at_) {
    std::erase_if(expires_by_nonce_, [now_ms](const auto& entry) { return entry.second <= now_ms; });
    sweep_at_ = std::max<std::size_t>(1024, 2 * expires_by_nonce_.size());
  }
  return expires_by_nonce_.emplace(nonce, expires_ms).second;
}

void SpentTickets::take_back(std::uint64_t nonce) {
  const std::scoped_lock lock(mutex_);
  expires_by_nonce_.erase(nonce);
}

void SpentTickets::restore(std::span<const SpentTicket> tickets) {
  const std::scoped_lock lock(mutex_);
  for (const SpentTicket& ticket : tickets) expires_by_nonce_.emplace(ticket.nonce, ticket.expires_ms);
}

}  // namespace limpet::balancing
