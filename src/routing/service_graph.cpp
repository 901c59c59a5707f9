#include "routing/service_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "balancing/strategies.h"
#include "base/text.h"
#include "config/validate.h"
#include "http/url.h"

namespace limpet::routing {
namespace {

using base::Severity;
using config::QualifiedName;

/// Beyond this many services no similar name is looked for: it would cost too much should many be missing.
constexpr std::size_t kMaxNamesCompared = 200;

/// Most ways from a service to leaves, which is what finding out whether it is up may cost.
constexpr std::size_t kMaxWays = 10'000;

/// What the stack bears; far more than the depth that is allowed.
constexpr std::size_t kMaxRecursion = 64;

constexpr std::array kInternalServices = {InternalService::kApi,  InternalService::kDashboard,
                                          InternalService::kPing, InternalService::kPrometheus,
                                          InternalService::kJoin, InternalService::kNoop};

std::string missing_service(const QualifiedName& name, const BuildInput& input) {
  std::string message = fmt::format("the service \"{}\" does not exist", name.text());
  if (input.services.size() > kMaxNamesCompared) return message;
  std::vector<std::string> names;
  for (const auto& [known, service] : input.services) names.push_back(known.text());
  if (const auto near = base::nearest(name.text(), {names.begin(), names.end()})) {
    message += fmt::format("; did you mean \"{}\"?", *near);
  }
  return message;
}

std::string too_deep() {
  return fmt::format("expected at most {} weighted and failover services within each other",
                     kMaxServiceDepth);
}

std::string too_wide() {
  return fmt::format("expected at most {} services behind this one, each counted as often as it is named",
                     kMaxWays);
}

}  // namespace

std::string_view internal_service_name(InternalService service) noexcept {
  switch (service) {
    case InternalService::kApi:
      return "api";
    case InternalService::kDashboard:
      return "dashboard";
    case InternalService::kPing:
      return "ping";
    case InternalService::kPrometheus:
      return "prometheus";
    case InternalService::kJoin:
      return "join";
    case InternalService::kNoop:
      return "noop";
  }
  return "noop";
}

void ServiceGraph::build_all() {
  for (const InternalService service : kInternalServices) {
    if (service != InternalService::kNoop && !input_.internal_services.contains(service)) continue;
    finish({std::string(internal_service_name(service)), "internal"}, service);
  }
  for (const auto& [name, service] : input_.services) build(name, service);
}

std::expected<const ServiceNode*, std::string> ServiceGraph::find(const QualifiedName& name) const {
  if (const auto node = snapshot_.services.find(name.text()); node != snapshot_.services.end()) {
    return node->second.get();
  }
  if (const auto report = reports_.find(name);
      report != reports_.end() && !report->second.problems().empty()) {
    const auto& problems = report->second.problems();
    const auto error = std::ranges::find(problems, Severity::kError, &base::Diagnostic::severity);
    return std::unexpected(fmt::format("the service \"{}\" is disabled: {}", name.text(),
                                       error == problems.end() ? problems.front().message : error->message));
  }
  if (name.provider == "internal") {
    const auto known = std::ranges::find(kInternalServices, name.name, internal_service_name);
    if (known != kInternalServices.end()) {
      return std::unexpected(
          fmt::format("the service \"{}\" is not switched on in the static configuration", name.text()));
    }
  }
  return std::unexpected(missing_service(name, input_));
}

void ServiceGraph::build(const QualifiedName& name, const config::Service& service) {
  if (!progress_.try_emplace(name).second) return;
  ++depth_;
  if (is_sound(name, service)) std::visit([&](const auto& kind) { build_kind(name, kind); }, service.kind);
  --depth_;
  Progress& progress = progress_.at(name);
  if (progress.state == State::kBuilding) progress.state = State::kBroken;
}

bool ServiceGraph::is_sound(const QualifiedName& name, const config::Service& service) {
  const base::Diagnostics problems = config::check_service(service);
  for (const base::Diagnostic& each : problems.items()) problem(name, each.severity, each.key, each.message);
  return !problems.has_errors();
}

void ServiceGraph::build_kind(const QualifiedName& name, const config::LoadBalancer& settings) {
  std::vector<balancing::Server> servers;
  servers.reserve(settings.servers.size());
  for (std::size_t i = 0; i < settings.servers.size(); ++i) {
    balancing::Server server;
    if (build_server(name, settings, i, server)) servers.push_back(std::move(server));
  }
  if (servers.empty() && !settings.servers.empty()) {
    problem(name, Severity::kError, "loadBalancer.servers", "none of the servers can be used");
    return;
  }
  std::unordered_set<std::string_view> urls;
  std::erase_if(servers, [&](const balancing::Server& server) {
    if (urls.insert(server.url).second) return false;
    problem(name, Severity::kWarning, "loadBalancer.servers",
            fmt::format("the server {} is listed more than once; the first entry counts", server.url));
    return true;
  });
  auto service = std::make_unique<balancing::Service>(
      name.text(), settings, std::move(servers), input_.registry->service(name.text()), input_.admissions);
  adopt_sids(*service);
  finish(name, std::move(service));
}

bool ServiceGraph::build_server(const QualifiedName& service, const config::LoadBalancer& settings,
                                std::size_t index, balancing::Server& out) {
  const config::Server& server = settings.servers[index];
  ObjectReport& report = reports_.at(service);
  const auto warn = [&](std::string message) {
    report.add(Severity::kWarning, server.place,
               fmt::format("http.services.{}.loadBalancer.servers[{}].url", service.name, index),
               std::move(message));
  };
  const auto url = http::parse_server_url(server.url);
  if (!url) {
    warn(fmt::format("the server \"{}\" is left out: expected {} at column {} of the URL", server.url,
                     url.error().expected, url.error().offset + 1));
    return false;
  }
  if (url->scheme != http::Scheme::kHttp) {
    warn(fmt::format("the server \"{}\" is left out: expected http://, {} is not supported for servers",
                     server.url, http::scheme_text(url->scheme)));
    return false;
  }
  out.state = input_.registry->find_or_add(service.text(), server.url);
  out.url = server.url;
  out.host = url->authority;
  if (server.preserve_path) out.path_prefix = url->path.substr(0, url->path.find_last_not_of('/') + 1);
  out.weight = server.weight;
  out.capacity = server.capacity.value_or(settings.capacity);
  out.fenced = server.fenced;
  const ResolvedHost& host = resolved(url->host);
  if (host.addresses.empty()) {
    warn(fmt::format("the server {} is taken as down: {}", server.url, host.error));
  }
  for (const net::IpAddress& address : host.addresses) out.addresses.emplace_back(address, url->port);
  return true;
}

const ServiceGraph::ResolvedHost& ServiceGraph::resolved(const std::string& host) {
  const auto [at, is_new] = hosts_.try_emplace(host);
  if (!is_new) return at->second;
  if (const auto literal = net::IpAddress::parse(host)) {
    at->second.addresses.push_back(*literal);
  } else if (auto addresses = input_.resolve(host)) {
    at->second.addresses = std::move(*addresses);
    at->second.error = fmt::format("the name {} has no address", host);
  } else {
    at->second.error = std::move(addresses.error());
  }
  return at->second;
}

void ServiceGraph::adopt_sids(balancing::Service& service) const {
  if (!service.learns_sid() || input_.previous == nullptr) return;
  const auto earlier = input_.previous->services.find(service.name());
  if (earlier == input_.previous->services.end()) return;
  const auto* old = std::get_if<std::unique_ptr<balancing::Service>>(&earlier->second->kind);
  if (old != nullptr && (*old)->learns_sid()) service.adopt_sids((*old)->shared_sids());
}

void ServiceGraph::build_kind(const QualifiedName& name, const config::Weighted& settings) {
  auto node = std::make_unique<WeightedNode>();
  std::vector<std::uint32_t> weights;
  std::vector<std::string_view> names;
  bool complete = true;
  for (std::size_t i = 0; i < settings.services.size(); ++i) {
    const config::WeightedChild& wanted = settings.services[i];
    const ServiceNode* found = child(name, wanted.name, fmt::format("weighted.services[{}].name", i));
    complete = complete && found != nullptr;
    node->children.push_back(
        {.node = found, .weight = wanted.weight, .name = wanted.name, .cookie_value = {}});
    weights.push_back(wanted.weight);
    names.push_back(wanted.name);
  }
  if (!complete) return;
  node->schedule = balancing::smooth_schedule(weights);
  if (node->schedule.empty()) {
    problem(name, Severity::kError, "weighted.services",
            "expected at least one service with a weight above 0");
    return;
  }
  if (settings.sticky && settings.sticky->cookie) {
    node->cookie = *settings.sticky->cookie;
    node->cookie_name = balancing::cookie_name_of(node->cookie, name.text());
    const std::string secret = node->cookie.format == config::CookieFormat::kHmac ? node->cookie.secret : "";
    for (WeightedNode::Child& each : node->children) {
      each.cookie_value = balancing::cookie_value(each.name, node->cookie.format, secret);
    }
    node->by_cookie = balancing::CookieIndex(names, secret, node->cookie.format);
  }
  finish(name, std::move(node));
}

void ServiceGraph::build_kind(const QualifiedName& name, const config::Failover& settings) {
  FailoverNode node;
  node.main = child(name, settings.service, "failover.service");
  node.fallback = child(name, settings.fallback, "failover.fallback");
  if (node.main != nullptr && node.fallback != nullptr) finish(name, node);
}

const ServiceNode* ServiceGraph::child(const QualifiedName& parent, const std::string& name,
                                       const std::string& key) {
  if (name.empty()) {
    problem(parent, Severity::kError, key, "expected the name of a service");
    return nullptr;
  }
  const QualifiedName wanted = qualified_name(name, parent.provider);
  if (const auto known = input_.services.find(wanted); known != input_.services.end()) {
    if (depth_ > kMaxRecursion) {
      problem(parent, Severity::kError, key, too_deep());
      return nullptr;
    }
    build(wanted, known->second);
    const Progress& progress = progress_.at(wanted);
    if (progress.state == State::kBuilding) {
      problem(parent, Severity::kError, key,
              fmt::format("the service \"{}\" depends on itself through this one", wanted.text()));
      return nullptr;
    }
    Progress& own = progress_.at(parent);
    own.height = std::max(own.height, progress.height + 1);
    own.ways += std::max<std::size_t>(progress.ways, 1);
    if (own.height > kMaxServiceDepth) {
      problem(parent, Severity::kError, key, too_deep());
      return nullptr;
    }
    if (own.ways > kMaxWays) {
      problem(parent, Severity::kError, key, too_wide());
      return nullptr;
    }
  }
  auto found = find(wanted);
  if (found) return *found;
  problem(parent, Severity::kError, key, std::move(found.error()));
  return nullptr;
}

void ServiceGraph::problem(const QualifiedName& service, Severity severity, const std::string& key,
                           std::string message) {
  reports_.at(service).add(severity, input_.services.at(service).place,
                           fmt::format("http.services.{}.{}", service.name, key), std::move(message));
}

template <typename Kind>
void ServiceGraph::finish(const QualifiedName& name, Kind kind) {
  auto node = std::make_unique<ServiceNode>();
  node->name = name.text();
  node->kind = std::move(kind);
  snapshot_.services.insert_or_assign(node->name, std::move(node));
  progress_[name].state = State::kBuilt;
}

}  // namespace limpet::routing
