#pragma once

#include <functional>

#include "cli/call.h"

namespace limpet::cli {

/// `limpet servers`: shows the servers of a running Limpet; with --watch again each second, until Ctrl-C.
[[nodiscard]] int servers(const Call& call);

/// Waits for the next round of --watch; false: it was the last one.
using NextRound = std::function<bool()>;
/// The same with another clock.
[[nodiscard]] int servers_in_rounds(const Call& call, const NextRound& next_round);

}  // namespace limpet::cli
