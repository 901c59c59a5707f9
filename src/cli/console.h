#pragma once

#include <istream>
#include <ostream>

namespace limpet::cli {

/// Where a command reads and writes. The streams outlive the command.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool terminal = false;  ///< `out` is a terminal: tables are redrawn in place
};

/// Exit statuses of every command.
inline constexpr int kExitFine = 0;
inline constexpr int kExitFailed = 1;  ///< the command understood what was asked and could not do it
inline constexpr int kExitUsage = 2;   ///< wrong usage, or a configuration that cannot be used

}  // namespace limpet::cli
