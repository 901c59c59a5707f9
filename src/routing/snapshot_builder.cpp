#include "routing/snapshot_builder.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <utility>

#include "routing/chain_builder.h"
#include "routing/service_graph.h"

namespace limpet::routing {
namespace {

using base::Severity;
using config::QualifiedName;

/// Priorities above are for Limpet's own routers, as in Traefik.
constexpr std::int64_t kMaxUserPriority = std::numeric_limits<std::int64_t>::max() - 1000;

/// The entry point of Limpet's own services: routers must ask for it.
constexpr std::string_view kInternalEntryPoint = "traefik";

/// The place of byte `offset` of a rule. Exact for a rule written on one line without escapes.
base::SourcePlace rule_place(const config::Router& router, std::size_t offset) {
  base::SourcePlace place = router.rule_place.line == 0 ? router.place : router.rule_place;
  const bool same_line = router.rule.find('\n') >= offset;
  if (router.rule_place.column != 0 && same_line) place.column += static_cast<std::uint32_t>(offset);
  return place;
}

class Builder {
 public:
  explicit Builder(const BuildInput& input)
      : input_(input),
        services_(input, *snapshot_, result_.services),
        chains_(input, *snapshot_, result_.middlewares) {}

  BuildResult build() {
    make_reports();
    snapshot_->revision = input_.previous == nullptr ? 1 : input_.previous->revision + 1;
    services_.build_all();
    build_entry_points();
    for (const auto& [name, router] : input_.routers) build_router(name, router);
    chains_.check_unused();
    for (auto& [entry_point, entries] : entries_)
      snapshot_->tables[entry_point] = RouterTable(std::move(entries));
    result_.snapshot = std::move(snapshot_);
    return std::move(result_);
  }

 private:
  void make_reports() {
    for (const auto& [name, router] : input_.routers) result_.routers.try_emplace(name);
    for (const auto& [name, service] : input_.services) result_.services.try_emplace(name);
    for (const auto& [name, middleware] : input_.middlewares) result_.middlewares.try_emplace(name);
  }

  void build_entry_points() {
    for (const auto& [name, entry_point] : input_.entry_points) {
      entries_.try_emplace(name);
      // Names here belong to no provider, so they must be qualified.
      auto chain = chains_.build(name, entry_point.middlewares, "");
      if (chain) {
        if (*chain != nullptr) snapshot_->entry_point_chains[name] = std::move(*chain);
        continue;
      }
      for (std::string& problem : chain.error()) {
        result_.entry_points.error({}, fmt::format("entryPoints.{}.http.middlewares", name), problem);
        broken_entry_points_.try_emplace(name, std::move(problem));
      }
    }
    bool any_marked = false;
    for (const auto& [name, entry_point] : input_.entry_points)
      any_marked = any_marked || entry_point.as_default;
    for (const auto& [name, entry_point] : input_.entry_points) {
      if (any_marked ? entry_point.as_default : !entry_point.internal && name != kInternalEntryPoint)
        default_entry_points_.push_back(name);
    }
  }

  void build_router(const QualifiedName& name, const config::Router& router) {
    ObjectReport& report = result_.routers.at(name);
    auto rule = parse_rule(name, router);
    const ServiceNode* service = find_service(name, router);
    std::shared_ptr<Chain> chain = build_chain(name, router);
    const std::vector<std::string> entry_points = served_on(name, router);
    if (report.disabled()) return;

    auto route = std::make_unique<Route>(Route{.router = name.text(),
                                               .id = static_cast<std::uint32_t>(snapshot_->routes.size()),
                                               .rule = std::move(*rule),
                                               .priority = result_.priorities.at(name),
                                               .chain = std::move(chain),
                                               .service = service});
    for (const std::string& entry_point : entry_points) {
      entries_.at(entry_point).push_back({&route->rule, route.get(), route->priority});
    }
    snapshot_->routes.push_back(std::move(route));
  }

  std::optional<Rule> parse_rule(const QualifiedName& name, const config::Router& router) {
    auto rule = Rule::parse(router.rule);
    if (!rule) {
      result_.routers.at(name).add(Severity::kError, rule_place(router, rule.error().offset),
                                   key_of(name, "rule"),
                                   fmt::format("expected {} at column {} of the rule", rule.error().expected,
                                               rule.error().offset + 1));
      return std::nullopt;
    }
    const std::int64_t priority = router.priority == 0 ? rule->default_priority() : router.priority;
    if (priority > kMaxUserPriority && name.provider != "internal") {
      error(name, "priority", fmt::format("expected at most {}, not {}", kMaxUserPriority, priority));
    }
    result_.priorities[name] = priority;
    return std::move(*rule);
  }

  const ServiceNode* find_service(const QualifiedName& name, const config::Router& router) {
    if (router.service.empty()) {
      error(name, "service", "the service is missing on the router");
      return nullptr;
    }
    const QualifiedName wanted = qualified_name(router.service, name.provider);
    if (const auto known = result_.services.find(wanted); known != result_.services.end()) {
      known->second.add_user(name.text());
    }
    auto service = services_.find(wanted);
    if (service) return *service;
    error(name, "service", std::move(service.error()));
    return nullptr;
  }

  std::shared_ptr<Chain> build_chain(const QualifiedName& name, const config::Router& router) {
    for (const std::string& middleware : router.middlewares) {
      const auto known = result_.middlewares.find(qualified_name(middleware, name.provider));
      if (known != result_.middlewares.end()) known->second.add_user(name.text());
    }
    auto chain = chains_.build(name.text(), router.middlewares, name.provider);
    if (chain) return std::move(*chain);
    for (std::string& problem : chain.error()) error(name, "middlewares", std::move(problem));
    return nullptr;
  }

  /// The entry points that the router is served on; reported if there are none.
  std::vector<std::string> served_on(const QualifiedName& name, const config::Router& router) {
    ObjectReport& report = result_.routers.at(name);
    std::vector<std::string> served;
    for (const std::string& wanted :
         router.entry_points.empty() ? default_entry_points_ : router.entry_points) {
      const auto warn = [&](std::string message) {
        report.add(Severity::kWarning, router.place, key_of(name, "entryPoints"), std::move(message));
      };
      if (!input_.entry_points.contains(wanted)) {
        warn(fmt::format("entryPoint \"{}\" doesn't exist", wanted));
      } else if (const auto broken = broken_entry_points_.find(wanted);
                 broken != broken_entry_points_.end()) {
        warn(fmt::format("entryPoint \"{}\" serves nothing: {}", wanted, broken->second));
      } else if (!report.users().contains(wanted)) {
        report.add_user(wanted);
        served.push_back(wanted);
      }
    }
    if (served.empty()) error(name, "entryPoints", "no valid entryPoint for this router");
    return served;
  }

  void error(const QualifiedName& router, std::string_view key, std::string message) {
    result_.routers.at(router).add(Severity::kError, input_.routers.at(router).place, key_of(router, key),
                                   std::move(message));
  }
  static std::string key_of(const QualifiedName& router, std::string_view key) {
    return fmt::format("http.routers.{}.{}", router.name, key);
  }

  const BuildInput& input_;
  BuildResult result_;
  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();
  ServiceGraph services_;
  ChainBuilder chains_;
  std::vector<std::string> default_entry_points_;
  std::map<std::string, std::string> broken_entry_points_;
  std::map<std::string, std::vector<RouterTable::Entry>> entries_;
};

}  // namespace

QualifiedName qualified_name(std::string_view name, std::string_view provider) {
  const std::size_t at = name.rfind('@');
  if (at == std::string_view::npos) return {std::string(name), std::string(provider)};
  return {std::string(name.substr(0, at)), std::string(name.substr(at + 1))};
}

void ObjectReport::add(Severity severity, base::SourcePlace place, std::string key, std::string message) {
  for (const base::Diagnostic& known : problems_) {
    if (known.message == message) return;
  }
  disabled_ = disabled_ || severity == Severity::kError;
  problems_.push_back({severity, std::move(place), std::move(key), std::move(message)});
}

void ObjectReport::add_user(std::string_view name) {
  users_.emplace(name);
}

std::string_view ObjectReport::status() const noexcept {
  if (disabled_) return "disabled";
  return problems_.empty() ? "enabled" : "warning";
}

BuildResult build_snapshot(const BuildInput& input) {
  return Builder(input).build();
}

}  // namespace limpet::routing
