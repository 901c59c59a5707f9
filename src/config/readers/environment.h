#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "config/node.h"

namespace limpet::config {

/// What the environment says.
struct EnvironmentTree {
  Node tree;
  bool has_traefik = false;  ///< a TRAEFIK_ variable set a key
};

/// Reads "TRAEFIK_PROVIDERS_DOCKER=true" and "LIMPET_..." variables: underscores separate keys, letters are
/// taken as lower case, LIMPET_ wins over TRAEFIK_. Only variables whose first key is one of `roots` are
/// settings, since Kubernetes puts others with the same prefix there (TRAEFIK_PORT_80_TCP); one that is
/// nearly a root costs a warning. Each value is placed at "environment NAME".
[[nodiscard]] EnvironmentTree read_environment(std::span<const std::string> environment,
                                               const std::vector<std::string_view>& roots,
                                               base::Diagnostics& out);

}  // namespace limpet::config
