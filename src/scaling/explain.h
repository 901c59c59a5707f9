#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "scaling/policy.h"
#include "scaling/settings.h"

/// A decision in words; a part of policy.h of its own. Nothing else includes it.
namespace limpet::scaling {

/// Servers and users by what becomes of them.
struct Count {
  std::uint32_t ready = 0, starting = 0, draining = 0;  ///< servers
  std::uint32_t active = 0;                             ///< users on ready and starting servers
  std::uint32_t on_draining = 0;                        ///< users on draining servers
  std::uint32_t moving = 0;                             ///< of those, who will be closed soon
  std::uint32_t waiting = 0;
  std::uint32_t arriving = 0;  ///< while a server starts

  [[nodiscard]] std::uint32_t active_servers() const noexcept { return ready + starting; }
};

/// How many servers a number of users asks for.
struct Size {
  std::uint32_t servers = 0;
  bool by_free_seats = false;  ///< the free seats to be kept decide, not the target
};

/// What a decision's numbers do not say.
struct Reason {
  Size size;
  base::Duration start_time{};
  std::uint32_t not_launched = 0;  ///< servers missing all the same
  base::Duration retry_in{};       ///< not zero: launches failed
  std::uint32_t surplus = 0;       ///< servers above what is kept
};

/// "want 5: 2,310 active + 180 arriving over 1.9 s start / (800 × 0.7); 4 ready: launch 1".
[[nodiscard]] std::string explain(const Settings& settings, const Count& counted, const Decision& decision,
                                  const Reason& reason);

}  // namespace limpet::scaling
