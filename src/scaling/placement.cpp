#include "scaling/placement.h"

#include <algorithm>
#include <cmath>

namespace limpet::scaling {
namespace {

/// Most seats taken that `pack` fills a server up to; at least one user fits.
std::uint32_t soft_seats(const Settings& settings) {
  const double seats = std::floor(settings.soft * settings.capacity + 1e-9);
  return std::max(1U, static_cast<std::uint32_t>(seats));
}

}  // namespace

std::optional<std::size_t> place(const Settings& settings, std::span<const Server> servers,
                                 std::uint32_t seats) noexcept {
  const std::uint32_t soft = soft_seats(settings);
  std::optional<std::size_t> fullest;
  std::optional<std::size_t> emptiest;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const Server& server = servers[i];
    if (server.phase != Phase::kReady || server.taken() + seats > settings.capacity) continue;
    const auto beats = [&](std::size_t other, bool fuller) {
      const std::uint32_t taken = servers[other].taken();
      if (server.taken() == taken) return older(server, servers[other]);
      return (server.taken() > taken) == fuller;
    };
    if (!emptiest || beats(*emptiest, false)) emptiest = i;
    if (server.taken() + seats <= soft && (!fullest || beats(*fullest, true))) fullest = i;
  }
  return settings.placement == Placement::kPack && fullest ? fullest : emptiest;
}

}  // namespace limpet::scaling
