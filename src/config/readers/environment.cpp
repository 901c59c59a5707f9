#include "config/readers/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/text.h"

namespace limpet::config {
namespace {

/// The variables with a prefix as a tree.
Node read_prefixed(std::span<const std::string> environment, std::string_view prefix,
                   const std::vector<std::string_view>& roots, base::Diagnostics& out) {
  FlatTree tree;
  for (const std::string& variable : environment) {
    const std::size_t equals = variable.find('=');
    const std::string_view name = std::string_view(variable).substr(0, equals);
    if (equals == std::string::npos || name.size() <= prefix.size() ||
        !base::iequals(name.substr(0, prefix.size()), prefix)) {
      continue;
    }
    std::string path = base::to_lower(name.substr(prefix.size()));
    std::ranges::replace(path, '_', '.');
    const base::SourcePlace place{.source = fmt::format("environment {}", name)};
    const std::string_view root = std::string_view(path).substr(0, path.find('.'));
    if (std::ranges::none_of(roots, [&](std::string_view known) { return base::iequals(known, root); })) {
      const bool has_more = root.size() < path.size();
      if (const auto near = has_more && root.size() > 2 ? base::nearest(root, roots) : std::nullopt;
          near && root != "port" && root != "service") {
        out.warning(place, path, fmt::format("not a setting, did you mean {}", *near));
      }
      continue;
    }
    tree.add(path, std::string_view(variable).substr(equals + 1), place, out);
  }
  return tree.finish();
}

}  // namespace

EnvironmentTree read_environment(std::span<const std::string> environment,
                                 const std::vector<std::string_view>& roots, base::Diagnostics& out) {
  Node traefik = read_prefixed(environment, "TRAEFIK_", roots, out);
  Node limpet = read_prefixed(environment, "LIMPET_", roots, out);
  const bool has_traefik = !traefik.entries.empty();
  return {.tree = merge(std::move(traefik), std::move(limpet)), .has_traefik = has_traefik};
}

}  // namespace limpet::config
