#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

#include "routing/snapshot_builder.h"

namespace limpet::routing {

/// Builds the services of a snapshot, each after those it depends on. Used once, by build_snapshot.
class ServiceGraph {
 public:
  /// `input`, `snapshot` and `reports` outlive the graph; reports has an entry for each service.
  ServiceGraph(const BuildInput& input, Snapshot& snapshot, Reports& reports)
      : input_(input), snapshot_(snapshot), reports_(reports) {}

  /// Builds all services there are; what is broken is reported and left out.
  void build_all();
  /// The node of a service after build_all(), or why there is none: a sentence that names the service.
  [[nodiscard]] std::expected<const ServiceNode*, std::string> find(const config::QualifiedName& name) const;

 private:
  enum class State : std::uint8_t { kBuilding, kBuilt, kBroken };
  struct Progress {
    State state = State::kBuilding;
    std::size_t height = 0;  // weighted and failover services within each other
    std::size_t ways = 0;    // from here to a leaf
  };
  struct ResolvedHost {
    std::vector<net::IpAddress> addresses;
    std::string error;
  };

  void build(const config::QualifiedName& name, const config::Service& service);
  /// Reports what is wrong with the service in itself; false if it cannot be used.
  [[nodiscard]] bool is_sound(const config::QualifiedName& name, const config::Service& service);
  void build_kind(const config::QualifiedName& name, const config::LoadBalancer& settings);
  void build_kind(const config::QualifiedName& name, const config::Weighted& settings);
  void build_kind(const config::QualifiedName& name, const config::Failover& settings);
  /// A service that `parent` depends on, built first; null, reported with the parent, if there is none.
  [[nodiscard]] const ServiceNode* child(const config::QualifiedName& parent, const std::string& name,
                                         const std::string& key);
  [[nodiscard]] bool build_server(const config::QualifiedName& service, const config::LoadBalancer& settings,
                                  std::size_t index, balancing::Server& out);
  [[nodiscard]] const ResolvedHost& resolved(const std::string& host);
  void adopt_sids(balancing::Service& service) const;
  void problem(const config::QualifiedName& service, base::Severity severity, const std::string& key,
               std::string message);
  template <typename Kind>
  void finish(const config::QualifiedName& name, Kind kind);

  const BuildInput& input_;
  Snapshot& snapshot_;
  Reports& reports_;
  std::map<config::QualifiedName, Progress> progress_;
  std::map<std::string, ResolvedHost> hosts_;
  std::size_t depth_ = 0;  // services being built, each for the one before
};

}  // namespace limpet::routing
