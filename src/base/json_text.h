#pragma once

#include <string>
#include <string_view>

namespace limpet::base {

/// Appends `text` as a JSON string with its quotes (RFC 8259, section 7). Control characters are escaped and
/// bytes that are not UTF-8 become U+FFFD, so the result is one valid line whatever a stranger sent. Any
/// thread.
void append_json_string(std::string& out, std::string_view text);

}  // namespace limpet::base
