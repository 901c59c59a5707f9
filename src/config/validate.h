#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"
#include "config/node.h"

/// What the keys of a configuration say together. That each value is one its key takes has been seen to by
/// the binder; rules, references and servers' URLs are routing's to check, middlewares' settings the proxy's,
/// when a snapshot is made.
namespace limpet::config {

/// Checks a static configuration. `complete` is the configuration with what follows from it (effective.h),
/// `tree` the document it came from, for places. Resolves no names.
void validate_static(const Static& complete, const Node& tree, base::Diagnostics& out);

/// What is wrong with a name of a router, service or middleware; nothing if it is fine.
[[nodiscard]] std::optional<std::string> name_problem(std::string_view name);

/// What is wrong with a list of ticket keys, "ID:SECRET" each; nothing if it is fine.
[[nodiscard]] std::optional<std::string> ticket_keys_problem(const std::vector<std::string>& keys);

/// What is wrong with a service's stickiness and health checks. Keys are relative to the service, for example
/// "loadBalancer.sticky.cookie.secret". An error makes it unusable, a warning does not.
[[nodiscard]] base::Diagnostics check_service(const Service& service);

}  // namespace limpet::config
