#include "base/signals.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include "base/text.h"

namespace limpet::base {

std::optional<int> signal_by_name(std::string_view name) noexcept {
  constexpr auto kSignals = std::to_array<std::pair<std::string_view, int>>({{"HUP", SIGHUP},
                                                                             {"INT", SIGINT},
                                                                             {"QUIT", SIGQUIT},
                                                                             {"ABRT", SIGABRT},
                                                                             {"KILL", SIGKILL},
                                                                             {"USR1", SIGUSR1},
                                                                             {"USR2", SIGUSR2},
                                                                             {"ALRM", SIGALRM},
                                                                             {"TERM", SIGTERM},
                                                                             {"WINCH", SIGWINCH},
                                                                             {"PWR", SIGPWR}});
  if (iequals(name.substr(0, 3), "SIG")) name.remove_prefix(3);
  const auto* const found =
      std::ranges::find_if(kSignals, [name](const auto& known) { return iequals(known.first, name); });
  return found == kSignals.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace limpet::base
