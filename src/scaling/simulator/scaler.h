#pragma once

#include <cstdint>
#include <deque>

#include "base/clock.h"
#include "scaling/policy.h"
#include "scaling/settings.h"

namespace limpet::scaling {

/// Who decides in a simulation.
class Scaler {
 public:
  virtual ~Scaler() = default;
  [[nodiscard]] virtual Decision decide(const Observation& seen, base::TimePoint now) = 0;
  [[nodiscard]] virtual base::Duration interval() const = 0;
};

/// Limpet's policy, as it runs in production.
class PolicyScaler final : public Scaler {
 public:
  explicit PolicyScaler(const Settings& settings) : settings_(settings) {}
  [[nodiscard]] Decision decide(const Observation& seen, base::TimePoint now) override;
  [[nodiscard]] base::Duration interval() const override { return settings_.interval; }

 private:
  Settings settings_;
  History history_;
};

/// Kubernetes' HorizontalPodAutoscaler on connections with its defaults, and what a Deployment does: the
/// newest pod goes first, gets 30 s of grace, and what is left on it then is cut at once.
class HpaScaler final : public Scaler {
 public:
  struct Recipe {
    std::uint32_t min = 1;
    std::uint32_t max = 10;
    std::uint32_t capacity = 100;
    double target = 0.7;
    double tolerance = 0.1;
    base::Duration interval = std::chrono::seconds(15);
    base::Duration stabilisation = std::chrono::seconds(300);
    base::Duration grace = std::chrono::seconds(30);
    StepLimit out{.at_least = 4, .share = 1.0};
  };

  explicit HpaScaler(const Recipe& recipe) : recipe_(recipe) {}
  [[nodiscard]] Decision decide(const Observation& seen, base::TimePoint now) override;
  [[nodiscard]] base::Duration interval() const override { return recipe_.interval; }

 private:
  struct Past {
    base::TimePoint at;
    std::uint32_t wanted = 0;
  };
  Recipe recipe_;
  std::deque<Past> past_;
};

}  // namespace limpet::scaling
