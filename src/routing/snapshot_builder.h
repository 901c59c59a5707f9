#pragma once

#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "balancing/server_state.h"
#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "net/address.h"
#include "routing/snapshot.h"

namespace limpet::routing {

/// What the builder needs to know of an entry point.
struct BuildEntryPoint {
  bool as_default = false;
  bool internal = false;                 ///< serves only routers that name it, like "traefik"
  std::vector<std::string> middlewares;  ///< its own, qualified: "auth@file"
};

/// Why a chain could not be made.
struct ChainError {
  config::QualifiedName middleware;  ///< whose settings are at fault
  std::string message;
};

/// Makes a chain of its links (at least one). `previous` is the chain that the same router or entry point had
/// in the last snapshot, made of other links, or null: what holds state and is equal can be taken over from
/// it.
using ChainFactory = std::function<std::expected<std::shared_ptr<Chain>, ChainError>(
    const std::vector<ChainLink>& links, const BuiltChain* previous)>;

/// Finds the addresses of a host name; never asked for literal addresses. As net::resolve.
using HostResolver =
    std::function<std::expected<std::vector<net::IpAddress>, std::string>(const std::string& host)>;

/// Everything a snapshot is made of.
struct BuildInput {
  std::map<config::QualifiedName, config::Router> routers;
  std::map<config::QualifiedName, config::Service> services;
  std::map<config::QualifiedName, config::Middleware> middlewares;
  std::map<std::string, BuildEntryPoint> entry_points;
  std::set<InternalService> internal_services;    ///< those that are switched on; noop always is
  balancing::ServerRegistry* registry = nullptr;  ///< where servers' live state is found again
  balancing::Admissions* admissions = nullptr;    ///< for placements and tickets; null: neither
  HostResolver resolve;
  ChainFactory make_chain;
  const Snapshot* previous = nullptr;  ///< in use until now, or null
};

/// What became of one router, service or middleware: Traefik's runtime view.
class ObjectReport {
 public:
  /// Notes a problem, once. An error disables the object, a warning does not.
  void add(base::Severity severity, base::SourcePlace place, std::string key, std::string message);
  /// Notes a user: a router that uses this service or middleware; of a router, an entry point that it is
  /// served on.
  void add_user(std::string_view name);

  [[nodiscard]] bool disabled() const noexcept { return disabled_; }
  /// "enabled", "warning" or "disabled".
  [[nodiscard]] std::string_view status() const noexcept;
  [[nodiscard]] const std::vector<base::Diagnostic>& problems() const noexcept { return problems_; }
  /// Sorted, each once. Of a router: its entry points (`using`); else routers, by qualified name (`usedBy`).
  [[nodiscard]] const std::set<std::string, std::less<>>& users() const noexcept { return users_; }

 private:
  bool disabled_ = false;
  std::vector<base::Diagnostic> problems_;
  std::set<std::string, std::less<>> users_;
};

using Reports = std::map<config::QualifiedName, ObjectReport>;

/// A snapshot and what became of each object, one report for each.
struct BuildResult {
  std::shared_ptr<const Snapshot> snapshot;
  Reports routers;
  Reports services;
  Reports middlewares;
  base::Diagnostics entry_points;  ///< what is wrong with entry points' own middlewares
  /// Priorities in force, by router; also of disabled ones whose rule can be read.
  std::map<config::QualifiedName, std::int64_t> priorities;
};

/// Builds a snapshot. Never fails: what is broken is left out with everything that depends on it, each with
/// the reason, and the rest is built. An entry point whose own middlewares are broken serves nothing, since
/// it must not serve without them. Control thread; may block in the resolver.
///
/// Names without a provider mean the provider of the object they stand in. Routers without entry points are
/// served on all that are marked as default or, if none is, on all but "traefik". A router's priority is by
/// default its rule's length; of equal ones the name that sorts first wins. Hosts are resolved once each; a
/// server that cannot be is kept without addresses and reported.
[[nodiscard]] BuildResult build_snapshot(const BuildInput& input);

/// The name that `name` stands for in an object of `provider`: "web" is "web@file", "api@internal" is itself.
[[nodiscard]] config::QualifiedName qualified_name(std::string_view name, std::string_view provider);

/// The name of an internal service, without "@internal".
[[nodiscard]] std::string_view internal_service_name(InternalService service) noexcept;

}  // namespace limpet::routing
