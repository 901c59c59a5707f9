#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

#include "apis/docker/types.h"
#include "base/diagnostics.h"
#include "config/model/static.h"

namespace limpet::providers::docker {

/// What a label says about where a container's server listens.
struct WantedAddress {
  std::string network;                ///< traefik.docker.network; empty: the provider's, or any
  std::optional<std::uint16_t> port;  ///< nothing: the lowest that is exposed
};

struct ServerAddress {
  std::string ip;
  std::uint16_t port = 0;
};

/// Where Limpet reaches a container: its address in the network that is asked for, else in the first one by
/// name that has an address (IPv4 before IPv6); the host's for a container in the host's network; another
/// container's for one that shares its network. `all` are the containers among which that one is. Fails with
/// a sentence; a network that the container is not in costs a warning.
[[nodiscard]] std::expected<ServerAddress, std::string> find_address(
    const apis::docker::Container& container, std::span<const apis::docker::Container* const> all,
    const WantedAddress& wanted, const config::DockerProvider& settings, const std::string& host_address,
    base::Diagnostics& out);

/// The port that a container's server listens on: `wanted`, else the lowest that is exposed; nothing if none
/// is.
[[nodiscard]] std::optional<std::uint16_t> find_port(const apis::docker::Container& container,
                                                     std::optional<std::uint16_t> wanted) noexcept;

}  // namespace limpet::providers::docker
