#pragma once

#include <cstdint>

#include "base/clock.h"
#include "scaling/settings.h"
#include "scaling/simulator/scaler.h"
#include "scaling/simulator/workload.h"

namespace limpet::scaling {

/// The world around a scaler.
struct World {
  std::uint32_t capacity = 100;
  double soft = 0.9;
  Placement placement = Placement::kPack;
  base::Duration start_time = std::chrono::seconds(30);  ///< of a server, from launch to ready
  base::Duration patience = std::chrono::seconds(60);    ///< how long a user waits for a seat
  std::uint32_t first_servers = 4;                       ///< ready at the start
  std::uint64_t seed = 1;                                ///< of everything but the workload
};

/// What came of it.
struct Outcome {
  double server_hours = 0;         ///< from launch to stop
  double seat_hours_offered = 0;   ///< of servers that run and are not starting
  double seat_hours_needed = 0;    ///< users connected, or waiting
  std::uint64_t sessions = 0;      ///< users who came, without those who came back
  std::uint64_t waited = 0;        ///< found no seat at first
  base::Duration longest_wait{};   ///< of those who got a seat or gave up
  std::uint64_t refused = 0;       ///< gave up
  std::uint64_t cut = 0;           ///< lost their connection to a scale-in
  std::uint32_t biggest_cut = 0;   ///< users of one server
  std::uint32_t most_servers = 0;  ///< running at once
  std::uint64_t launches = 0;
  std::uint64_t drains = 0;
  std::uint64_t taken_back = 0;

  bool operator==(const Outcome&) const = default;
};

/// Plays a workload against a scaler in virtual time. Users who are cut come back within 5 s for the rest of
/// their visit; users who lost the network come back to the server they had, if it lives and has a seat. The
/// same arguments give the same outcome.
[[nodiscard]] Outcome simulate(const World& world, const Workload& workload, Scaler& scaler);

}  // namespace limpet::scaling
