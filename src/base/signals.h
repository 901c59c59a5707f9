#pragma once

#include <optional>
#include <string_view>

namespace limpet::base {

/// The number of a signal by its name, in any case and also with "SIG" before it: "TERM", "sigint". Knows
/// those that people send to processes. Any thread.
[[nodiscard]] std::optional<int> signal_by_name(std::string_view name) noexcept;

}  // namespace limpet::base
