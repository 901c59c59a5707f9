#include "cli/stop_signals.h"

#include <cerrno>
#include <ctime>

namespace limpet::cli {

StopSignals::StopSignals() noexcept {
  ::sigemptyset(&held_);
  ::sigaddset(&held_, SIGINT);
  ::sigaddset(&held_, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &held_, &before_);
}

StopSignals::~StopSignals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool StopSignals::wait_for(base::Duration longest) const noexcept {
  const base::TimePoint end = base::Clock::now() + longest;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(end - base::Clock::now()).count();
    if (left <= 0) return false;
    const timespec time{.tv_sec = left / 1'000'000'000, .tv_nsec = left % 1'000'000'000};
    if (::sigtimedwait(&held_, nullptr, &time) > 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace limpet::cli
