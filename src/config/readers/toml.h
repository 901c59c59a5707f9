#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "config/node.h"

namespace limpet::config {

/// Reads a TOML document (1.0.0). `source` is its name in places and messages. Keys keep the order written.
/// No exception leaves.
[[nodiscard]] std::expected<Node, base::Diagnostics> read_toml(std::string_view text,
                                                               const std::string& source);

}  // namespace limpet::config
