#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace limpet::cli {

/// What happens to a server at the start of a wave.
enum class Act : std::uint8_t { kNone, kDrain, kKill };

/// A part of the show.
struct Wave {
  std::string_view name;
  base::Duration length;
  std::uint32_t percent;  ///< of the users, at its end; evenly from what there were
  Act act = Act::kNone;
};

/// Where in the show a moment is.
struct Scene {
  std::size_t number = 0;  ///< of the wave, counted through all rounds
  const Wave* wave = nullptr;
  std::uint32_t users = 0;  ///< wanted now
  std::uint32_t goal = 0;   ///< wanted at the wave's end
  base::Duration left{};    ///< of the wave
};

/// The scene at a time since the start, with at most `users`. The waves repeat: calm, a flash crowd, a full
/// house in which one server drains and one is killed, leaving, calm.
[[nodiscard]] Scene scene_at(base::Duration time, std::uint32_t users);

}  // namespace limpet::cli
