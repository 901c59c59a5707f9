#pragma once

#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"
#include "config/node.h"

namespace limpet::config {

/// How strictly a document is held against the known keys.
struct BindOptions {
  bool lenient = false;  ///< unknown and unsupported keys cost a warning instead of an error
};

/// Turns a document into a dynamic configuration. Every problem goes to `out`, with place and key; what it
/// returns is worth using only if `out` has no errors. In lenient mode services and middlewares of a kind
/// that is not supported are left out, so that routers that use them are disabled rather than unprotected.
[[nodiscard]] Dynamic bind_dynamic(const Node& node, const BindOptions& options, base::Diagnostics& out);

/// Turns a document into a static configuration, without what follows from it (see effective.h).
[[nodiscard]] Static bind_static(const Node& node, const BindOptions& options, base::Diagnostics& out);

}  // namespace limpet::config
