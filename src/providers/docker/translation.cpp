#include "providers/docker/translation.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <variant>

#include "apis/docker/compose.h"
#include "base/text.h"
#include "config/bind.h"
#include "config/node.h"
#include "config/readers/labels.h"
#include "providers/docker/address.h"
#include "providers/merged_parts.h"
#include "providers/names.h"

namespace limpet::providers::docker {
namespace {

using apis::docker::Container;
using config::Node;

/// Where a service's server is, as far as its labels say so.
struct WantedServer {
  std::optional<std::uint16_t> port;
  std::string scheme;
};

bool has_traefik_label(const Container& container) {
  return std::ranges::any_of(container.labels, [](const auto& label) {
    const std::string_view key = label.first;
    return base::iequals(key.substr(0, 8), "traefik.") || base::iequals(key.substr(0, 7), "limpet.");
  });
}

std::string label_of(const std::map<std::string, std::string>& labels, const std::string& key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

/// The Compose service that the labels name; empty names if there is none.
apis::docker::ComposeService compose_service_of(const std::map<std::string, std::string>& labels) {
  return {.project = label_of(labels, "com.docker.compose.project"),
          .service = label_of(labels, "com.docker.compose.service")};
}

/// As Traefik names what has no name: by the Compose service and its project, else by the container.
std::string service_name_of(const Container& container) {
  const auto compose = compose_service_of(container.labels);
  if (compose.project.empty() || compose.service.empty()) return normalize(container.name);
  return normalize(compose.service + "_" + compose.project);
}

bool is_scaling_label(std::string_view key) {
  const std::string name = base::to_lower(key);
  return name.starts_with("limpet.scale.") || (name.starts_with("limpet.http.services.") &&
                                               name.find(".loadbalancer.scaling.") != std::string::npos);
}

std::string url_of(std::string_view scheme, const ServerAddress& address) {
  const bool is_v6 = address.ip.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", scheme.empty() ? "http" : scheme, is_v6 ? "[" : "", address.ip,
                     is_v6 ? "]" : "", address.port);
}

Node* child(Node& node, std::string_view key) {
  return node.is_map() ? node.find(key) : nullptr;
}

/// The map at a key, made if there is none.
Node& map_at(Node& node, std::string_view key) {
  if (Node* found = node.find(key)) {
    if (!found->is_map()) {
      const bool flat = found->flat;
      *found = Node::map(found->place);
      found->flat = flat;
    }
    return *found;
  }
  node.entries.push_back({.key = std::string(key), .key_place = node.place, .value = Node::map(node.place)});
  node.entries.back().value.flat = true;
  return node.entries.back().value;
}

bool is_empty(const Node* node) {
  return node == nullptr || node->entries.empty();
}

/// Reads the labels of one container.
class ContainerReader {
 public:
  ContainerReader(const Seen& seen, const config::DockerProvider& settings, const RuleTemplate& default_rule,
                  std::span<const Container* const> all, const std::string& host_address)
      : seen_(seen),
        container_(seen.container),
        settings_(settings),
        default_rule_(default_rule),
        all_(all),
        host_address_(host_address),
        source_("container " + seen.container.name),
        service_name_(service_name_of(seen.container)) {}

  /// What the container defines; nothing if it is not to be used, or (with errors) cannot be.
  std::optional<config::Dynamic> read(base::Diagnostics& out) {
    Node tree = labels_under("traefik");
    tree = merge(std::move(tree), labels_under("limpet"));
    if (!takes_part(tree)) {
      out.add_all(found_);
      return std::nullopt;
    }
    add_scaling(tree);
    add_default_objects(tree);
    take_wanted_servers(tree);
    config::Dynamic dynamic = config::bind_dynamic(tree, {.lenient = true}, found_);
    complete_scaling(dynamic);
    complete_services(dynamic);
    complete_routers(dynamic);
    if (!is_used()) keep_internal_only(dynamic);
    out.add_all(found_);
    if (found_.has_errors()) return std::nullopt;
    return dynamic;
  }

  [[nodiscard]] const std::string& source() const noexcept { return source_; }

 private:
  Node labels_under(std::string_view root) {
    const std::vector<std::pair<std::string, std::string>> labels(container_.labels.begin(),
                                                                  container_.labels.end());
    Node tree = config::read_labels(labels, root, source_, found_);
    tree.place.source = source_;
    return tree;
  }

  void error(std::string key, std::string message) {
    found_.error({.source = source_}, std::move(key), std::move(message));
  }

  bool flag(Node& tree, std::string_view key, bool fallback) {
    const Node value = tree.take(key);
    if (value.is_null()) return fallback;
    if (value.says(true) || (value.is_scalar() && value.scalar == "1")) return true;
    if (value.says(false) || (value.is_scalar() && value.scalar == "0")) return false;
    found_.error(value.place, std::string(key), "expected true or false");
    return false;
  }

  /// Takes out the labels that only this provider knows. False if the container is to be passed over.
  bool takes_part(Node& tree) {
    const bool enabled = flag(tree, "enable", settings_.exposed_by_default);
    Node docker = tree.take("docker");
    scale_ = tree.take("scale");
    tree.take("swarm");
    if (docker.is_map()) {
      network_ = docker.take("network").scalar;
      docker.take("lbswarm");
      keeps_stopped_ = flag(docker, "allownonrunning", false);
      for (const config::NodeEntry& entry : docker.entries) {
        found_.warning(entry.key_place, "docker." + entry.key,
                       "unknown key, known here: network, allownonrunning (ignored)");
      }
    }
    if (!enabled) return false;
    return container_.running || keeps_stopped_ || is_kept_stopped(container_.labels);
  }

  /// Whether what it defines counts.
  [[nodiscard]] bool is_used() const {
    return !container_.running || is_well() || settings_.allow_empty_services ||
           is_kept_stopped(container_.labels);
  }

  [[nodiscard]] bool is_well() const {
    return container_.health == apis::docker::Health::kNone ||
           container_.health == apis::docker::Health::kHealthy;
  }

  /// `limpet.scale.<key>` belongs to the container's only service.
  void add_scaling(Node& tree) {
    if (scale_.is_null()) return;
    Node* http = child(tree, "http");
    Node* services = http == nullptr ? nullptr : child(*http, "services");
    const std::size_t count = services == nullptr ? 0 : services->entries.size();
    if (count > 1) {
      return error("limpet.scale",
                   fmt::format("expected one service, got {}; write "
                               "limpet.http.services.<name>.loadbalancer.scaling.<key> instead",
                               count));
    }
    Node& all = map_at(map_at(tree, "http"), "services");
    Node& service = count == 1 ? all.entries.front().value : map_at(all, service_name_);
    if (!service.is_map()) service = Node::map(service.place);
    Node& balancer = map_at(service, "loadbalancer");
    Node& scaling = map_at(balancer, "scaling");
    scaling = merge(std::move(scaling), std::move(scale_));
  }

  /// A service that has no label of its own, where a router needs one; and a router that has none.
  void add_default_objects(Node& tree) {
    const bool other_protocols = tree.find("tcp") != nullptr || tree.find("udp") != nullptr;
    Node* http = child(tree, "http");
    if (http == nullptr && other_protocols) return;
    Node& all = http == nullptr ? map_at(tree, "http") : *http;
    if (is_empty(all.find("services"))) {
      const Node* routers = all.find("routers");
      const bool is_needed =
          is_empty(routers) || std::ranges::any_of(routers->entries, [](const auto& router) {
            return router.value.find("service") == nullptr;
          });
      if (is_needed) map_at(map_at(map_at(all, "services"), service_name_), "loadbalancer");
    }
    if (is_empty(all.find("routers"))) {
      const Node* services = all.find("services");
      if (services != nullptr && services->entries.size() > 1) {
        return error("http.routers", "expected a router, since the container has several services");
      }
      map_at(map_at(all, "routers"), service_name_);
    }
  }

  void take_wanted_servers(Node& tree) {
    Node* http = child(tree, "http");
    Node* services = http == nullptr ? nullptr : child(*http, "services");
    if (services == nullptr) return;
    for (config::NodeEntry& entry : services->entries) {
      Node* balancer = child(entry.value, "loadbalancer");
      if (balancer == nullptr || !balancer->is_map()) continue;
      Node* server = balancer->find("server");
      if (server == nullptr) server = balancer->find("servers");
      if (server != nullptr && server->is_list()) {
        server = server->items.empty() ? nullptr : &server->items.front();
      }
      if (server == nullptr || !server->is_map()) continue;
      WantedServer& wanted = wanted_[entry.key];
      wanted.scheme = server->take("scheme").scalar;
      if (const Node port = server->take("port"); port.is_scalar()) wanted.port = port_of(port, entry.key);
      const bool has_url = server->find("url") != nullptr;
      if (has_url && (wanted.port || !wanted.scheme.empty())) {
        error(fmt::format("http.services.{}.loadbalancer.server.url", entry.key),
              "expected either url, or port and scheme, not both");
      }
    }
  }

  std::optional<std::uint16_t> port_of(const Node& node, const std::string& service) {
    std::uint16_t port = 0;
    const std::string_view text = base::trim(node.scalar);
    const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (problem == std::errc{} && stop == text.data() + text.size() && port != 0) return port;
    error(fmt::format("http.services.{}.loadbalancer.server.port", service),
          fmt::format("expected a number from 1 to 65535, got \"{}\"", node.scalar));
    return std::nullopt;
  }

  /// A Compose service is scaled by its replicas, unless it names another driver. What can't be scaled is
  /// still used as it is.
  void complete_scaling(config::Dynamic& dynamic) {
    bool has_scaled = false;
    for (auto& [name, service] : dynamic.services) {
      auto* balancer = std::get_if<config::LoadBalancer>(&service.kind);
      if (balancer == nullptr || !balancer->scaling) continue;
      config::Scaling& scaling = *balancer->scaling;
      if (scaling.process || scaling.webhook) continue;
      const auto compose = compose_service_of(container_.labels);
      const bool is_replica = !compose.project.empty() && !compose.service.empty();
      if (!is_replica || has_scaled) {
        found_.warning({.source = source_}, "http.services." + name + ".loadbalancer.scaling",
                       is_replica
                           ? "a Compose service has one number of replicas, so only one of the "
                             "container's services can be scaled: this one is not"
                           : "only containers of Compose services can be multiplied: it is not scaled");
        balancer->scaling.reset();
        continue;
      }
      has_scaled = true;
      if (!scaling.docker) scaling.docker.emplace();
      scaling.docker->project = compose.project;
      scaling.docker->service = compose.service;
      scaling.docker->discovered = true;
    }
  }

  void complete_services(config::Dynamic& dynamic) {
    for (auto& [name, service] : dynamic.services) {
      auto* balancer = std::get_if<config::LoadBalancer>(&service.kind);
      if (balancer == nullptr) continue;
      if (!container_.running || !is_well()) {
        balancer->servers.clear();
        continue;
      }
      if (balancer->servers.empty()) balancer->servers.emplace_back();
      config::Server& server = balancer->servers.front();
      server.place.source = source_;
      server.fenced = server.fenced || seen_.stopping || container_.paused;
      if (!server.url.empty()) continue;
      const auto wanted = wanted_.find(name);
      const WantedServer& address_wanted = wanted == wanted_.end() ? WantedServer() : wanted->second;
      const auto address = find_address(container_, all_, {.network = network_, .port = address_wanted.port},
                                        settings_, host_address_, found_);
      if (address) {
        server.url = url_of(address_wanted.scheme, *address);
      } else {
        error("http.services." + name, address.error());
      }
    }
  }

  void complete_routers(config::Dynamic& dynamic) {
    for (auto router = dynamic.routers.begin(); router != dynamic.routers.end();) {
      if (complete(router->first, router->second, dynamic)) {
        ++router;
      } else {
        router = dynamic.routers.erase(router);
      }
    }
  }

  /// A router to Limpet's own API needs nothing of the container, which may be Limpet's own.
  static void keep_internal_only(config::Dynamic& dynamic) {
    std::erase_if(dynamic.routers,
                  [](const auto& router) { return !router.second.service.ends_with("@internal"); });
    dynamic.services.clear();
    if (dynamic.routers.empty()) dynamic.middlewares.clear();
  }

  bool complete(const std::string& name, config::Router& router, const config::Dynamic& dynamic) {
    const std::string key = "http.routers." + name;
    if (router.rule.empty()) {
      router.rule = default_rule_.render(
          {.name = service_name_, .container_name = container_.name, .labels = container_.labels});
      router.rule_place = {.source = "providers.docker.defaultRule"};
    }
    // As in Traefik, a router without a rule or a service of its own is left out, not the container.
    if (router.rule.empty()) {
      found_.warning(router.place, key, "it has no rule and the default rule is empty, so it is left out");
      return false;
    }
    if (!router.service.empty()) return true;
    if (dynamic.services.size() == 1) {
      router.service = dynamic.services.begin()->first;
      return true;
    }
    found_.warning(
        router.place, key,
        fmt::format("expected a label {}.service, since the container has {} services; it is left out", key,
                    dynamic.services.size()));
    return false;
  }

  const Seen& seen_;
  const Container& container_;
  const config::DockerProvider& settings_;
  const RuleTemplate& default_rule_;
  std::span<const Container* const> all_;
  const std::string& host_address_;
  std::string source_;
  std::string service_name_;
  std::string network_;
  Node scale_;
  bool keeps_stopped_ = false;
  std::map<std::string, WantedServer> wanted_;  // by service
  base::Diagnostics found_;
};

}  // namespace

bool is_kept_stopped(const std::map<std::string, std::string>& labels) {
  const auto compose = compose_service_of(labels);
  const bool is_replica = !compose.project.empty() && !compose.service.empty() &&
                          !base::iequals(label_of(labels, "com.docker.compose.oneoff"), "true");
  return std::ranges::any_of(labels, [is_replica](const auto& label) {
    return (is_replica && is_scaling_label(label.first)) ||
           (base::iequals(label.first, "traefik.docker.allownonrunning") &&
            base::iequals(label.second, "true"));
  });
}

std::expected<Translation, base::Diagnostics> Translation::make(config::DockerProvider settings) {
  base::Diagnostics problems;
  const auto report = [&](const char* key, std::string_view text, const base::ParseError& error) {
    problems.error({}, key,
                   fmt::format("expected {} at column {} of \"{}\"", error.expected, error.offset + 1, text));
  };
  auto rule = RuleTemplate::parse(settings.default_rule);
  if (!rule) report("providers.docker.defaultRule", settings.default_rule, rule.error());
  auto constraint = Constraint::parse(settings.constraints);
  if (!constraint) report("providers.docker.constraints", settings.constraints, constraint.error());
  if (!rule || !constraint) return std::unexpected(std::move(problems));
  return Translation(std::move(settings), std::move(*rule), std::move(*constraint));
}

config::Dynamic Translation::translate(std::vector<const Seen*> containers, const std::string& host_address,
                                       base::Diagnostics& out) const {
  std::ranges::sort(containers, {},
                    [](const Seen* seen) { return std::tie(seen->container.name, seen->container.id); });
  std::vector<const Container*> all;
  for (const Seen* seen : containers) all.push_back(&seen->container);
  MergedParts parts;
  for (const Seen* seen : containers) {
    if (!constraint_.matches(seen->container.labels)) continue;
    const bool is_labelled = has_traefik_label(seen->container);
    // What nobody labelled and exposes nothing is not meant to be reached.
    if (!is_labelled && !find_port(seen->container, std::nullopt)) continue;
    ContainerReader reader(*seen, settings_, default_rule_, all, host_address);
    auto part = reader.read(out);
    if (part) parts.add(reader.source(), std::move(*part), seen->stopping || !seen->container.running);
  }
  return parts.finish(out);
}

}  // namespace limpet::providers::docker
