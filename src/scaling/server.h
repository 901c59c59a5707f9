#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace limpet::scaling {

/// Where a server is in its life.
enum class Phase : std::uint8_t {
  kStarting,  ///< launched, does not take users yet
  kReady,     ///< takes users
  kDraining,  ///< keeps its users, takes no new ones
  kDead,      ///< gone or failing; counts for nothing
};

/// One server as the policy sees it.
struct Server {
  std::string id;
  Phase phase = Phase::kStarting;
  std::uint32_t connections = 0;  ///< whatever counts against capacity
  std::uint32_t reserved = 0;     ///< seats promised to users who are on their way
  base::TimePoint started_at{};   ///< launched
  base::TimePoint drain_since{};  ///< only if draining
  bool may_return = true;         ///< false if a person drained it: it is never taken back

  [[nodiscard]] std::uint32_t taken() const noexcept { return connections + reserved; }
};

/// Of two servers that are equal otherwise: is `a` the older one? Ids make the order total.
[[nodiscard]] inline bool older(const Server& a, const Server& b) noexcept {
  return a.started_at != b.started_at ? a.started_at < b.started_at : a.id < b.id;
}

}  // namespace limpet::scaling
