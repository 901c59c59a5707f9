#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "base/clock.h"

namespace limpet::scaling {

/// How many steps may be made within a period: the larger of a number and a share of the servers running.
struct StepLimit {
  std::uint32_t at_least = 1;
  double share = 0;
  base::Duration period = std::chrono::seconds(15);

  bool operator==(const StepLimit&) const = default;
};

/// Where new users go.
enum class Placement : std::uint8_t {
  kPack,    ///< the fullest server below its soft limit, so that servers can empty
  kSpread,  ///< the emptiest server
};

/// How one service is scaled. docs/scaling.md says where the defaults come from.
struct Settings {
  std::uint32_t min = 1;         ///< servers; 0: none run while nobody is there
  std::uint32_t max = 10;        ///< servers, draining ones among them
  std::uint32_t capacity = 100;  ///< seats of one server, not 0

  double target = 0.8;                    ///< share of all seats that is in use when the size is right
  std::optional<std::uint32_t> headroom;  ///< free seats kept at least; none: half a server's
  double soft = 0.9;                      ///< share of a server's seats up to which `pack` fills it
  Placement placement = Placement::kPack;

  base::Duration interval = std::chrono::seconds(5);         ///< between two decisions
  base::Duration stabilisation = std::chrono::seconds(300);  ///< what was needed within this is kept
  double tolerance = 0.05;                                   ///< smaller surpluses are left alone
  StepLimit out{.at_least = 4, .share = 1.0};                ///< launches, the burst
  StepLimit in{.at_least = 1, .share = 0.1};                 ///< drains

  std::optional<base::Duration> drain_deadline;              ///< none: a server waits for its last user
  base::Duration close_window = std::chrono::seconds(120);   ///< over which those left are closed
  base::Duration close_slack = std::chrono::seconds(10);     ///< after it the server is stopped anyway
  base::Duration retry_first = std::chrono::seconds(5);      ///< after a failed launch, doubled each time
  base::Duration retry_longest = std::chrono::seconds(300);  ///< the longest such pause

  /// The free seats kept.
  [[nodiscard]] std::uint32_t free_seats() const noexcept { return headroom.value_or((capacity + 1) / 2); }

  bool operator==(const Settings&) const = default;
};

/// Fails with a sentence that names the setting and what is allowed.
[[nodiscard]] std::expected<void, std::string> check(const Settings& settings);

}  // namespace limpet::scaling
