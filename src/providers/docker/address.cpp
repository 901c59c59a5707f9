#include "providers/docker/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace limpet::providers::docker {
namespace {

using apis::docker::Container;
using apis::docker::Network;

constexpr std::string_view kShared = "container:";
constexpr int kMaxHops = 5;  // of containers that share each other's network

std::string address_in(const Network& network) {
  return network.ipv4.empty() ? network.ipv6 : network.ipv4;
}

/// The container whose network this one uses, maybe itself; null if it is not there.
const Container* owner_of_network(const Container& container, std::span<const Container* const> all) {
  const Container* owner = &container;
  for (int hops = 0; owner != nullptr && owner->network_mode.starts_with(kShared); ++hops) {
    const std::string_view name = std::string_view(owner->network_mode).substr(kShared.size());
    const auto found = std::ranges::find_if(
        all, [&](const Container* other) { return other->id == name || other->name == name; });
    owner = found == all.end() || hops == kMaxHops ? nullptr : *found;
  }
  return owner;
}

std::optional<ServerAddress> bound_address(const Container& container, std::uint16_t port) {
  const auto exposed = std::ranges::find(container.ports, port, &apis::docker::Port::number);
  if (exposed == container.ports.end()) return std::nullopt;
  for (const apis::docker::Binding& binding : exposed->bindings) {
    const bool is_everywhere =
        binding.host_ip.empty() || binding.host_ip == "0.0.0.0" || binding.host_ip == "::";
    if (!is_everywhere) return ServerAddress{.ip = binding.host_ip, .port = binding.host_port};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint16_t> find_port(const Container& container,
                                       std::optional<std::uint16_t> wanted) noexcept {
  if (wanted) return wanted;
  if (container.ports.empty()) return std::nullopt;
  return container.ports.front().number;
}

std::expected<ServerAddress, std::string> find_address(
    const Container& container, std::span<const Container* const> all, const WantedAddress& wanted,
    const config::DockerProvider& settings, const std::string& host_address, base::Diagnostics& out) {
  const base::SourcePlace place{.source = "container " + container.name};
  const auto port = find_port(container, wanted.port);
  if (!port) {
    return std::unexpected(
        std::string("the port is missing: the image exposes none, so a label loadbalancer.server.port has to "
                    "name it"));
  }
  if (settings.use_bind_port_ip) {
    if (auto bound = bound_address(container, *port)) return *bound;
    out.warning(
        place, "providers.docker.useBindPortIP",
        fmt::format("port {} is not bound to an address of the host, so the container's own is used", *port));
  }
  const Container* owner = owner_of_network(container, all);
  if (owner == nullptr) {
    return std::unexpected(fmt::format("its network is that of {}, which does not run",
                                       std::string_view(container.network_mode).substr(kShared.size())));
  }
  const std::string& name = wanted.network.empty() ? settings.network : wanted.network;
  bool is_missing = false;
  if (!name.empty()) {
    const auto named = std::ranges::find(owner->networks, name, &Network::name);
    if (named != owner->networks.end() && !address_in(*named).empty()) {
      return ServerAddress{.ip = address_in(*named), .port = *port};
    }
    is_missing = true;
  }
  if (owner->network_mode == "host") return ServerAddress{.ip = host_address, .port = *port};
  const auto first = std::ranges::find_if(
      owner->networks, [](const Network& network) { return !address_in(network).empty(); });
  if (first == owner->networks.end()) return std::unexpected(std::string("it has no IP address"));
  if (is_missing) {
    out.warning(
        place, "docker.network",
        fmt::format("it is not in network {}, so its address in {} is used; Compose puts the project's "
                    "name before a network's",
                    name, first->name));
  }
  return ServerAddress{.ip = address_in(*first), .port = *port};
}

}  // namespace limpet::providers::docker
