#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/diagnostics.h"
#include "config/node.h"

namespace limpet::config {

/// Turns labels, tags or annotations into a tree: "traefik.http.routers.x.rule=..." under `root` "traefik"
/// becomes the value at "http.routers.x.rule". Labels with another root are passed over. Keys are equal
/// whatever their case; the order of the labels does not matter. `source` names where they are, for example
/// "container web-1".
///
/// The tree holds everything under the root. Keys that only a provider knows ("enable", "docker.network", and
/// "loadbalancer.server.port" and ".scheme" of a service) are the caller's to take out (Node::take) before
/// binding.
[[nodiscard]] Node read_labels(std::span<const std::pair<std::string, std::string>> labels,
                               std::string_view root, const std::string& source, base::Diagnostics& out);

}  // namespace limpet::config
