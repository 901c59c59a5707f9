#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "scaling/server.h"
#include "scaling/settings.h"

namespace limpet::scaling {

/// Where a newcomer who needs `seats` together goes: an index into `servers`, or nothing if no ready server
/// has that many. `pack` takes the fullest server that stays at or below its soft limit, of equals the
/// oldest; if all are past it, the emptiest. `spread` takes the emptiest. Pure; costs one look at each
/// server.
[[nodiscard]] std::optional<std::size_t> place(const Settings& settings, std::span<const Server> servers,
                                               std::uint32_t seats = 1) noexcept;

}  // namespace limpet::scaling
