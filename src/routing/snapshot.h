#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "balancing/service.h"
#include "balancing/sticky.h"
#include "base/clock.h"
#include "config/model/dynamic.h"
#include "http/head.h"
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

/// One middleware of a chain: never a `chain`, which is resolved into its links.
struct ChainLink {
  config::QualifiedName name;
  config::Middleware settings;
};

/// A chain and what it was made of, kept so that the next snapshot can go on with it.
struct BuiltChain {
  std::vector<ChainLink> links;
  std::shared_ptr<Chain> chain;  ///< shared by successive snapshots while the links are equal
};

/// Services that Limpet answers itself: api@internal, dashboard@internal, ping@internal, prometheus@internal,
/// join@internal, noop@internal.
enum class InternalService : std::uint8_t { kApi, kDashboard, kPing, kPrometheus, kJoin, kNoop };

struct ServiceNode;

/// `weighted`: children chosen by weight, bound by its own cookie if sticky.
struct WeightedNode {
  struct Child {
    const ServiceNode* node = nullptr;
    std::uint32_t weight = 1;  ///< 0: bound users only
    std::string name;          ///< as configured
    std::string cookie_value;  ///< in the issued format, of the child's name
  };
  std::vector<Child> children;
  std::string cookie_name;  ///< empty: not sticky
  config::StickyCookie cookie;
  balancing::CookieIndex by_cookie;     ///< children by every accepted value
  std::vector<std::uint32_t> schedule;  ///< one period of weighted round robin
  mutable std::atomic<std::uint64_t> cursor{0};
};

/// `failover`.
struct FailoverNode {
  const ServiceNode* main = nullptr;
  const ServiceNode* fallback = nullptr;
};

/// A service of any kind, by qualified name. Nodes form a graph without cycles, at most kMaxServiceDepth
/// deep.
struct ServiceNode {
  std::string name;
  std::variant<std::unique_ptr<balancing::Service>, std::unique_ptr<WeightedNode>, FailoverNode,
               InternalService>
      kind;

  /// Whether any server behind it could take a new user at `now`. Internal services always can.
  [[nodiscard]] bool is_up(base::TimePoint now) const noexcept;
};

/// Most weighted and failover services within each other.
inline constexpr std::size_t kMaxServiceDepth = 8;

/// What a matching router leads to.
struct Route {
  std::string router;    ///< qualified name, for logs and metrics
  std::uint32_t id = 0;  ///< position in the snapshot
  Rule rule;
  std::int64_t priority = 0;
  std::shared_ptr<Chain> chain;  ///< null: no middlewares; shared as BuiltChain says
  const ServiceNode* service = nullptr;
};

/// The leaf that a request reaches: weighted and failover nodes resolved. `extra_cookies` gets the Set-Cookie
/// values of weighted nodes that are sticky and were chosen anew, or whose cookie came in another format than
/// the issued one. Never null. Any thread; allocates only for new cookies and while a weighted child is down.
[[nodiscard]] const ServiceNode* resolve_leaf(const ServiceNode& node, const http::RequestHead& head,
                                              base::TimePoint now, std::vector<std::string>& extra_cookies);

/// The immutable routing state built from all providers; the data path reads nothing else. Shared, because
/// each worker and each request in flight keeps the one it started with until it is done.
struct Snapshot {
  std::uint64_t revision = 0;
  std::vector<std::unique_ptr<Route>> routes;                                 ///< by the routers' names
  std::map<std::string, std::unique_ptr<ServiceNode>, std::less<>> services;  ///< by qualified name
  std::map<std::string, RouterTable, std::less<>> tables;  ///< by entry point; has them all
  /// Chain of an entry point's own middlewares, run before routers'. May lack an entry.
  std::map<std::string, std::shared_ptr<Chain>, std::less<>> entry_point_chains;
  /// The chains above and the routes', by who owns them, for the builder of the next snapshot.
  std::map<std::string, BuiltChain, std::less<>> built_chains;
};

/// Lets those who wait for a seat of any service choose among this snapshot's servers. Control thread, when
/// the snapshot comes into use.
void offer_to_waiting(const std::shared_ptr<const Snapshot>& snapshot, base::TimePoint now);

}  // namespace limpet::routing
