#include "config/effective.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace limpet::config {
namespace {

constexpr std::int64_t kTopPriority = std::numeric_limits<std::int64_t>::max();

bool serves_ping_on_internal(const Static& settings) {
  return settings.ping && !settings.ping->manual_routing && settings.ping->entry_point == kInternalEntryPoint;
}

bool serves_metrics_on_internal(const Static& settings) {
  const auto& prometheus = settings.prometheus;
  return prometheus && !prometheus->manual_routing && prometheus->entry_point == kInternalEntryPoint;
}

/// "/prefix/path" without doubled slashes.
std::string joined(std::string_view prefix, std::string_view path) {
  while (prefix.ends_with('/')) prefix.remove_suffix(1);
  return fmt::format("{}{}", prefix, path);
}

Router internal_router(std::string entry_point, std::string_view path, std::string service,
                       std::int64_t priority) {
  Router router;
  router.entry_points = {std::move(entry_point)};
  router.rule = fmt::format("PathPrefix(`{}`)", path);
  router.service = std::move(service);
  router.priority = priority;
  router.place.source = kInternalProvider;
  router.rule_place.source = kInternalProvider;
  return router;
}

/// The port that a redirection leads to: of ":8443" itself, or of the entry point it names.
std::string port_of(const Static& settings, const std::string& to) {
  std::string_view address = to;
  if (const auto found = settings.entry_points.find(to); found != settings.entry_points.end()) {
    address = found->second.address;
  }
  address = address.substr(0, address.find('/'));
  return std::string(address.substr(address.rfind(':') + 1));
}

void add_redirection(const Static& settings, const std::string& name, const Redirection& redirection,
                     Dynamic& out) {
  const std::string router_name = fmt::format(
      "{}-to-{}", name, redirection.to.starts_with(':') ? redirection.to.substr(1) : redirection.to);
  const std::string middleware = "redirect-" + router_name;
  Router router = internal_router(name, "/", "noop@internal", redirection.priority);
  router.rule = "HostRegexp(`^.+$`)";
  router.middlewares = {middleware};
  out.routers[router_name] = std::move(router);
  out.middlewares[middleware].kind = RedirectScheme{.scheme = redirection.scheme,
                                                    .port = port_of(settings, redirection.to),
                                                    .permanent = redirection.permanent};
}

}  // namespace

void complete(Static& settings) {
  if (settings.entry_points.empty()) settings.entry_points["http"].address = ":80";
  const bool insecure = settings.api && settings.api->insecure;
  const bool needs_internal =
      insecure || serves_ping_on_internal(settings) || serves_metrics_on_internal(settings);
  const std::string internal(kInternalEntryPoint);
  const bool makes_internal = needs_internal && !settings.entry_points.contains(internal);
  if (makes_internal) settings.entry_points[internal].address = ":8080";
  if (settings.api && !insecure && settings.api->address.empty()) {
    settings.api->address = makes_internal ? "127.0.0.1:8081" : "127.0.0.1:8080";
  }
}

std::vector<std::string> default_entry_points(const Static& settings) {
  std::vector<std::string> named;
  std::vector<std::string> others;
  for (const auto& [name, entry_point] : settings.entry_points) {
    if (entry_point.as_default) named.push_back(name);
    if (name != kInternalEntryPoint) others.push_back(name);
  }
  return named.empty() ? others : named;
}

const std::vector<std::string_view>& internal_services() {
  static const std::vector<std::string_view> names{"api", "dashboard", "ping", "prometheus", "join", "noop"};
  return names;
}

Router join_router() {
  Router router = internal_router({}, "/limpet/join", "join@internal", kTopPriority);
  router.entry_points.clear();
  router.rule = "Path(`/limpet/join`) || Path(`/limpet/join/negotiate`)";
  return router;
}

Dynamic internal_dynamic(const Static& settings) {
  Dynamic out;
  const std::string internal(kInternalEntryPoint);
  if (settings.api && settings.api->insecure) {
    const std::string_view base = settings.api->base_path;
    out.routers["api"] = internal_router(internal, joined(base, "/api"), "api@internal", kTopPriority - 1);
    if (settings.api->dashboard) {
      out.routers["dashboard"] =
          internal_router(internal, joined(base, "/"), "dashboard@internal", kTopPriority - 2);
    }
    if (settings.api->debug) {
      out.routers["debug"] =
          internal_router(internal, joined(base, "/debug"), "api@internal", kTopPriority - 1);
    }
  }
  if (settings.ping && !settings.ping->manual_routing) {
    out.routers["ping"] = internal_router(settings.ping->entry_point, "/ping", "ping@internal", kTopPriority);
  }
  if (settings.prometheus && !settings.prometheus->manual_routing) {
    out.routers["prometheus"] =
        internal_router(settings.prometheus->entry_point, "/metrics", "prometheus@internal", kTopPriority);
  }
  for (const auto& [name, entry_point] : settings.entry_points) {
    if (entry_point.redirection) add_redirection(settings, name, *entry_point.redirection, out);
  }
  return out;
}

}  // namespace limpet::config
