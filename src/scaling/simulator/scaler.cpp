#include "scaling/simulator/scaler.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace limpet::scaling {

Decision PolicyScaler::decide(const Observation& seen, base::TimePoint now) {
  Decision decision = scaling::decide(settings_, seen, history_, now);
  history_.note(settings_, decision, now);
  return decision;
}

Decision HpaScaler::decide(const Observation& seen, base::TimePoint now) {
  Decision decision;
  std::vector<const Server*> pods;
  double connections = 0;
  for (const Server& server : seen.servers) {
    if (server.phase == Phase::kDraining && now - server.drain_since >= recipe_.grace) {
      decision.stop.push_back(server.id);
    }
    if (server.phase != Phase::kStarting && server.phase != Phase::kReady) continue;
    pods.push_back(&server);
    connections += server.connections;
  }
  const auto current = static_cast<std::uint32_t>(pods.size());
  const double ratio = connections / (current * recipe_.capacity * recipe_.target);
  std::uint32_t wanted = current;
  if (current == 0) {
    wanted = recipe_.min;
  } else if (std::abs(ratio - 1) > recipe_.tolerance) {
    wanted = static_cast<std::uint32_t>(std::ceil(current * ratio - 1e-9));
  }
  wanted = std::clamp(wanted, recipe_.min, recipe_.max);

  while (!past_.empty() && past_.front().at < now - recipe_.stabilisation) past_.pop_front();
  while (!past_.empty() && past_.back().wanted <= wanted) past_.pop_back();
  past_.push_back({.at = now, .wanted = wanted});
  const std::uint32_t kept = std::min(current, past_.front().wanted);

  decision.wanted = std::max(wanted, kept);
  if (decision.wanted > current) {
    const auto most = static_cast<std::uint32_t>(recipe_.out.share * current);
    decision.launch = std::min(decision.wanted - current, std::max(recipe_.out.at_least, most));
    return decision;
  }
  // A ReplicaSet takes pods that are not ready first, then the newest.
  std::ranges::sort(pods, [](const Server* a, const Server* b) {
    if (a->phase != b->phase) return a->phase == Phase::kStarting;
    return older(*b, *a);
  });
  for (std::uint32_t i = 0; i < current - decision.wanted; ++i) decision.drain.push_back(pods[i]->id);
  return decision;
}

}  // namespace limpet::scaling
