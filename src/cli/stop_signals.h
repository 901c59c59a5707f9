#pragma once

#include <csignal>

#include "base/clock.h"

namespace limpet::cli {

/// Holds SIGINT and SIGTERM back while it exists, so that a command that repeats itself can end in an orderly
/// way. Main thread, no other threads.
class StopSignals {
 public:
  StopSignals() noexcept;
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// Waits this long for one of them; true if it came, also if it came before.
  [[nodiscard]] bool wait_for(base::Duration longest) const noexcept;

 private:
  sigset_t held_{};
  sigset_t before_{};
};

}  // namespace limpet::cli
