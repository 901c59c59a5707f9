#include "app/configuration.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <utility>

#include "base/log.h"
#include "config/effective.h"
#include "http/url.h"
#include "net/address.h"
#include "proxy/middlewares/chain_factory.h"

namespace limpet::app {
namespace {

template <class Objects>
void add_qualified(const std::string& provider, const std::map<std::string, Objects>& objects,
                   std::map<config::QualifiedName, Objects>& merged) {
  for (const auto& [name, object] : objects) merged[{.name = name, .provider = provider}] = object;
}

// Whether a server's address is one that an entry point listens on, so that its requests would come back to
// us.
bool leads_back(const net::SocketAddress& server, const std::string& listening) {
  const auto own = net::parse_listen_address(listening);
  if (!own || own->is_unix() || server.is_unix() || own->port() != server.port()) return false;
  const bool everywhere = own->ip() == net::IpAddress{} || own->ip() == net::IpAddress::from_v4(0);
  return own->ip() == server.ip() || (everywhere && server.ip().is_loopback());
}

bool can_be_joined(const config::Service& service) {
  const auto* balancer = std::get_if<config::LoadBalancer>(&service.kind);
  return balancer != nullptr && balancer->join.enabled;
}

}  // namespace

Configuration::Configuration(net::Reactor& reactor, admin::ControlState& state,
                             balancing::ServerRegistry& registry, balancing::Admissions& admissions,
                             Publish publish)
    : state_(state),
      registry_(registry),
      admissions_(admissions),
      publish_(std::move(publish)),
      host_names_(reactor, [this] {
        base::log_info("host names have other addresses now");
        build();
      }) {
  latest_["internal"] = config::internal_dynamic(state_.settings);
  if (state_.addresses.contains(admin::kAdminEntryPoint)) {
    config::Router admin;
    admin.entry_points = {admin::kAdminEntryPoint};
    admin.rule = "PathPrefix(`/`)";
    admin.service = "api@internal";
    latest_["internal"].routers["admin"] = std::move(admin);
  }
}

void Configuration::publish(std::string_view provider, config::Dynamic configuration,
                            base::Diagnostics warnings) {
  for (const base::Diagnostic& warning : warnings.items()) {
    base::log_warn("provider {}: {}", provider, warning.text());
  }
  admin::ProviderStatus& status = state_.providers[std::string(provider)];
  status.failed = false;
  status.problems = std::move(warnings);
  status.last_success = base::WallClock::now();
  auto& latest = latest_[std::string(provider)];
  if (latest == configuration && state_.built.snapshot != nullptr) return;
  latest = std::move(configuration);
  if (!held_) build();
}

void Configuration::failed(std::string_view provider, base::Diagnostics errors) {
  for (const base::Diagnostic& error : errors.items())
    base::log_error("provider {}: {}", provider, error.text());
  base::log_error("provider {}: keeping its last good configuration", provider);
  admin::ProviderStatus& status = state_.providers[std::string(provider)];
  status.failed = true;
  status.problems = std::move(errors);
  ++state_.failed_reloads;
  state_.last_reload_ok = false;
}

void Configuration::build() {
  held_ = false;
  state_.routers.clear();
  state_.services.clear();
  state_.middlewares.clear();
  for (const auto& [provider, dynamic] : latest_) {
    add_qualified(provider, dynamic.routers, state_.routers);
    add_qualified(provider, dynamic.services, state_.services);
    add_qualified(provider, dynamic.middlewares, state_.middlewares);
  }
  add_driven_servers();
  admit_found_servers();

  if (std::ranges::any_of(state_.services, [](const auto& item) { return can_be_joined(item.second); })) {
    state_.routers[{.name = "join", .provider = std::string(config::kInternalProvider)}] =
        config::join_router();
  }

  routing::BuildInput input;
  input.routers = state_.routers;
  input.services = state_.services;
  input.middlewares = state_.middlewares;
  const std::vector<std::string> defaults = config::default_entry_points(state_.settings);
  for (const auto& [name, entry_point] : state_.settings.entry_points) {
    input.entry_points[name] = {.as_default = std::ranges::find(defaults, name) != defaults.end(),
                                .middlewares = entry_point.middlewares};
  }
  if (state_.addresses.contains(admin::kAdminEntryPoint))
    input.entry_points[admin::kAdminEntryPoint].internal = true;
  using enum routing::InternalService;
  input.internal_services = {kApi, kDashboard, kPing, kPrometheus, kJoin, kNoop};
  input.registry = &registry_;
  input.admissions = &admissions_;
  use_host_names();
  input.resolve = [this](const std::string& host) { return host_names_.find(host); };
  input.make_chain = proxy::make_chain;
  const std::shared_ptr<const routing::Snapshot> previous = state_.built.snapshot;
  input.previous = previous.get();
  state_.built = routing::build_snapshot(input);

  log_problems(state_.built.routers, "router");
  log_problems(state_.built.services, "service");
  log_problems(state_.built.middlewares, "middleware");
  warn_of_loops();
  ++state_.reloads;
  state_.last_reload = base::WallClock::now();
  state_.last_reload_ok =
      std::ranges::none_of(state_.providers, [](const auto& item) { return item.second.failed; });
  if (state_.metrics != nullptr) {
    telemetry::LiveNames live;
    for (const auto& name : state_.routers | std::views::keys) live.routers.insert(name.text());
    for (const auto& name : state_.services | std::views::keys) live.services.insert(name.text());
    for (const std::string_view name : config::internal_services()) {
      live.services.insert(std::string(name) + "@internal");
    }
    state_.metrics->forget_vanished(std::move(live));
  }
  publish_(state_.built.snapshot);
  registry_.forget_unused();
}

void Configuration::set_servers(const std::string& service, std::vector<config::Server> servers) {
  if (servers.empty()) {
    driven_.erase(service);
  } else {
    driven_[service] = std::move(servers);
  }
  if (!held_) build();
}

void Configuration::add_driven_servers() {
  for (auto& [name, service] : state_.services) {
    const auto driven = driven_.find(name.text());
    auto* settings = std::get_if<config::LoadBalancer>(&service.kind);
    if (driven == driven_.end() || settings == nullptr || !settings->scaling) continue;
    settings->servers.insert(settings->servers.end(), driven->second.begin(), driven->second.end());
  }
}

void Configuration::admit(const std::string& service, scaling::Admission admission) {
  admissions_of_[service] = std::move(admission);
  if (!held_) build();
}

void Configuration::admit_found_servers() {
  const auto contains = [](const std::vector<std::string>& urls, const std::string& url) {
    return std::ranges::find(urls, url) != urls.end();
  };
  std::set<std::string> scaled;
  for (auto& [name, service] : state_.services) {
    auto* settings = std::get_if<config::LoadBalancer>(&service.kind);
    const bool counts = settings != nullptr && settings->scaling && settings->scaling->docker &&
                        settings->scaling->docker->discovered;
    if (!counts) continue;
    scaled.insert(name.text());
    const scaling::Admission& admission = admissions_of_[name.text()];
    std::erase_if(settings->servers,
                  [&](const config::Server& server) { return contains(admission.leaving, server.url); });
    for (config::Server& server : settings->servers) {
      server.fenced = server.fenced || !contains(admission.admitted, server.url);
    }
  }
  std::erase_if(admissions_of_, [&](const auto& item) { return !scaled.contains(item.first); });
}

void Configuration::use_host_names() {
  std::set<std::string> names;
  const auto add_host_of = [&names](const std::string& address) {
    auto url = http::parse_server_url(address);
    if (url && !net::IpAddress::parse(url->host)) names.insert(std::move(url->host));
  };
  for (const config::Service& service : state_.services | std::views::values) {
    const auto* settings = std::get_if<config::LoadBalancer>(&service.kind);
    if (settings == nullptr) continue;
    for (const config::Server& server : settings->servers) add_host_of(server.url);
    if (settings->placement.webhook) add_host_of(settings->placement.webhook->url);
  }
  host_names_.use(names);
}

void Configuration::warn_of_loops() const {
  for (const auto& [name, node] : state_.built.snapshot->services) {
    const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node->kind);
    if (service == nullptr) continue;
    for (const balancing::Server& server : (*service)->servers()) {
      for (const auto& [entry_point, listening] : state_.addresses) {
        if (std::ranges::none_of(server.addresses,
                                 [&](const auto& address) { return leads_back(address, listening); })) {
          continue;
        }
        base::log_error("service {}: server {} is Limpet's own entry point {}: requests would go in circles",
                        name, server.url, entry_point);
      }
    }
  }
}

void Configuration::log_problems(const routing::Reports& reports, std::string_view kind) const {
  for (const auto& [name, report] : reports) {
    for (const base::Diagnostic& problem : report.problems()) {
      const auto level =
          problem.severity == base::Severity::kError ? base::LogLevel::kError : base::LogLevel::kWarn;
      base::log(level, "{} {}: {}", kind, name.text(), problem.text());
    }
  }
}

}  // namespace limpet::app
