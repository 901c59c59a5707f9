#pragma once

#include <string>
#include <string_view>

namespace limpet::routing {

/// A value as it stands in a rule: in back-ticks, or in double quotes with escapes if back-ticks cannot hold
/// it.
[[nodiscard]] std::string quote_value(std::string_view value);

}  // namespace limpet::routing
