#pragma once

#include <cstdint>
#include <map>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "balancing/service.h"
#include "config/model/dynamic.h"
#include "routing/router_table.h"
#include "routing/rule.h"

namespace limpet::routing {

/// A middleware chain compiled by the proxy; opaque here. Made by the chain factory given to the builder.
class Chain {
 public:
  Chain() = default;
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  virtual ~Chain() = default;
};

/// Services that Limpet answers itself: api@internal, dashboard@internal, ping@internal, prometheus@internal,
/// noop@internal.
enum class InternalService : std::uint8_t { kApi, kDashboard, kPing, kPrometheus, kNoop };

struct ServiceNode;

/// `weighted`: children chosen by weight, bound by its own cookie if sticky.
struct WeightedNode {
  struct Child {
    const ServiceNode* node = nullptr;
    std::uint32_t weight = 1;
    std::string name;          ///< as configured
    std::string cookie_value;  ///< in the issued format, of the child's name
  };
  std::vector<Child> children;
  std::string cookie_name;             ///< empty: not sticky
  config::StickyCookie cookie;
  std::vector<std::uint32_t> schedule;
  mutable std::atomic<std::uint64_t> cursor{0};

  WeightedNode() = default;
};

/// `failover`.
struct FailoverNode {
  const ServiceNode* main = nullptr;
  const ServiceNode* fallback = nullptr;
};

/// A service of any kind, by qualified name.
struct ServiceNode {
  std::string name;
  std::variant<std::unique_ptr<balancing::Service>, std::unique_ptr<WeightedNode>, FailoverNode, InternalService> kind;
};

/// What a matching router leads to.
struct Route {
  std::string router;                     ///< qualified name, for logs and metrics
  std::uint32_t id = 0;                   ///< position in the snapshot
  Rule rule;
  std::int64_t priority = 0;
  std::shared_ptr<Chain> chain;           ///< shared by successive snapshots while its settings are equal
  const ServiceNode* service = nullptr;
};

/// A Set-Cookie that a decision on the way to the leaf asks for.
struct ExtraCookie {
  std::string value;
};

/// The leaf that a request reaches: weighted and failover nodes resolved. `extra_cookies` gets Set-Cookie values of
/// weighted nodes that are sticky and were chosen anew.
[[nodiscard]] const ServiceNode* resolve_leaf(const ServiceNode& node, const http::RequestHead& head,
                                              base::TimePoint now, std::vector<std::string>& extra_cookies);

/// The immutable routing state built from all providers; the data path reads nothing else. Shared, because each worker
/// and each request in flight keeps the one it started with until it is done.
struct Snapshot {
  std::uint64_t revision = 0;
  std::vector<std::unique_ptr<Route>> routes;
  std::map<std::string, std::unique_ptr<ServiceNode>, std::less<>> services;  ///< by qualified name
  std::map<std::string, RouterTable, std::less<>> tables;                     ///< by entry point
  /// Chain of an entry point's own middlewares, run before routers'. May lack an entry.
  std::map<std::string, std::shared_ptr<Chain>, std::less<>> entry_point_chains;
};

}  // namespace limpet::routing
