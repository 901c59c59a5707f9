#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "config/node.h"

namespace limpet::config {

/// Whether a file name ends as a configuration's does: .yml, .yaml or .toml, in any case.
[[nodiscard]] bool is_document_name(std::string_view name);

/// The content of a file of at most 64 MiB; blocks. Fails with a sentence that names the reason.
[[nodiscard]] std::expected<std::string, base::Diagnostics> read_file(const std::string& path);

/// Reads a document by the ending of its name.
[[nodiscard]] std::expected<Node, base::Diagnostics> parse_document(std::string_view text,
                                                                    const std::string& path);

/// The same for a dynamic configuration, where Go's template syntax, which Traefik runs before it reads the
/// file, is refused with a message of its own.
[[nodiscard]] std::expected<Node, base::Diagnostics> parse_dynamic_document(std::string_view text,
                                                                            const std::string& path);

/// The same diagnostics in the order of their places: by source, in the order in which the sources first
/// occur, then by line and column.
[[nodiscard]] base::Diagnostics in_reading_order(const base::Diagnostics& diagnostics);

}  // namespace limpet::config
