#pragma once

#include <expected>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "apis/docker/types.h"
#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"
#include "providers/constraint.h"
#include "providers/rule_template.h"

namespace limpet::providers::docker {

/// A container and what events have told about it since it was inspected.
struct Seen {
  apis::docker::Container container;
  bool stopping = false;  ///< was sent a signal that ends it: no new users
  bool operator==(const Seen&) const = default;
};

/// Whether a container with these labels counts although it does not run: what it defines stays, without its
/// server. So it is where `traefik.docker.allownonrunning` says so, and for replicas of a Compose service
/// that is scaled, which may have no running one for a while.
[[nodiscard]] bool is_kept_stopped(const std::map<std::string, std::string>& labels);

/// Turns containers into a configuration, by their labels. Pure. Immutable, so any thread may use it.
class Translation {
 public:
  /// Fails with what is wrong with the default rule or the constraints.
  [[nodiscard]] static std::expected<Translation, base::Diagnostics> make(config::DockerProvider settings);

  /// The configuration of all containers, in whatever order they are given: same containers, same result.
  /// Those that do not run are passed over, but for their services' names if they ask for it. A container
  /// whose labels are wrong is left out with an error in `out`; an unknown label costs a warning.
  /// `host_address` is where ports of containers in the host's network are reached.
  [[nodiscard]] config::Dynamic translate(std::vector<const Seen*> containers,
                                          const std::string& host_address, base::Diagnostics& out) const;

  [[nodiscard]] const config::DockerProvider& settings() const noexcept { return settings_; }

 private:
  Translation(config::DockerProvider settings, RuleTemplate default_rule, Constraint constraint)
      : settings_(std::move(settings)),
        default_rule_(std::move(default_rule)),
        constraint_(std::move(constraint)) {}

  config::DockerProvider settings_;
  RuleTemplate default_rule_;
  Constraint constraint_;
};

}  // namespace limpet::providers::docker
