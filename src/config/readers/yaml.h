#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "config/node.h"

namespace limpet::config {

/// Reads one YAML document. `source` is its name in places and messages. An empty document is an empty map.
/// Fails on bad YAML, a key given twice in a map, a key that is not a text, a second document, unknown tags,
/// a depth above 64, and on aliases that blow the document up beyond 200,000 nodes. Merge keys (`<<`) work.
/// No exception leaves.
[[nodiscard]] std::expected<Node, base::Diagnostics> read_yaml(std::string_view text,
                                                               const std::string& source);

}  // namespace limpet::config
