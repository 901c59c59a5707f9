#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "base/units.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"
#include "config/node.h"

namespace limpet::config {

/// Tells what is wrong with a router's rule, if anything. The rule language is routing's, above this room.
using RuleCheck = std::function<std::optional<base::ParseError>(std::string_view)>;

/// Checks what the keys of a static configuration say together. `complete` is the configuration with what
/// follows from it (effective.h), `tree` the document it came from, for places. Resolves no names.
void validate_static(const Static& complete, const Node& tree, base::Diagnostics& out);

/// What is wrong with a name of a router, service or middleware; nothing if it is fine.
[[nodiscard]] std::optional<std::string> name_problem(std::string_view name);
/// What is wrong with a server's URL; nothing if Limpet can use it.
[[nodiscard]] std::optional<std::string> server_url_problem(std::string_view url);

/// What is wrong with one router, service or middleware in itself, without what it refers to. Keys are
/// relative to it, for example "rule". An error makes it unusable, a warning does not.
[[nodiscard]] base::Diagnostics check_router(const Router& router, const RuleCheck& check_rule);
/// Without the servers.
[[nodiscard]] base::Diagnostics check_service(const Service& service);
[[nodiscard]] base::Diagnostics check_middleware(const Middleware& middleware);

/// Something wrong with one server of a load balancer. An error makes the server unusable, not the service.
struct ServerProblem {
  std::size_t index = 0;
  base::Diagnostic problem;
};
/// What is wrong with the servers: URLs that cannot be used, URLs given twice (the first counts).
[[nodiscard]] std::vector<ServerProblem> check_servers(const LoadBalancer& settings);

}  // namespace limpet::config
