#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/units.h"
#include "config/describe.h"
#include "config/model/dynamic.h"

namespace limpet::config {

/// Reads a sticky source: "cookie", "sid", "query:NAME", "header:NAME", "path:/PREFIX/".
[[nodiscard]] std::expected<StickySource, base::ParseError> parse_sticky_source(std::string_view text);
/// Writes a sticky source so that parsing it gives the same one.
[[nodiscard]] std::string format_sticky_source(const StickySource& source);

inline constexpr Codec<StickySource> kStickySourceCodec{
    parse_sticky_source, format_sticky_source, "cookie, sid, query:NAME, header:NAME, path:/PREFIX/"};

}  // namespace limpet::config
