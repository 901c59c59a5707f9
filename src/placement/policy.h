#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "config/model/placement.h"

/// Which server takes a new key. Pure: what the servers have is an argument.
namespace limpet::placement {

/// A server that a key could be placed on.
struct Candidate {
  std::uint64_t in_use = 0;     ///< seats taken and reserved
  std::uint32_t capacity = 0;   ///< most seats, 0: no limit
  std::uint64_t hash = 0;       ///< of its identity, for rendezvous hashing
  bool takes_new_keys = false;  ///< up, ready, and not ruled out by an earlier try
};

/// Why there is none.
enum class NoPlace : std::uint8_t {
  kNoServer,  ///< none is up and ready
  kAllFull,   ///< none of those has enough free seats
};

/// Whether it takes a key that needs `seats`.
[[nodiscard]] bool has_seats(const Candidate& candidate, std::uint32_t seats) noexcept;

/// The index of the server for `key` with `seats` seats.
///
/// pack: the fullest server that stays within `soft_percent` of its capacity; if there is none, the emptiest
/// for its size that has the seats. Servers without a limit can't be full, so among them it is spread.
/// spread: the emptiest for its size. hash: the highest rendezvous score of the key among servers that have
/// the seats. webhook: as its fallback says. Of equals the first.
[[nodiscard]] std::expected<std::size_t, NoPlace> choose_server(const config::Placement& settings,
                                                                std::string_view key, std::uint32_t seats,
                                                                std::span<const Candidate> candidates);

}  // namespace limpet::placement
