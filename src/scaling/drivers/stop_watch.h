#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/clock.h"

namespace limpet::scaling {

/// Watches people (and Compose) stop containers of a service, so that nobody starts new ones under their
/// hands: `docker-compose down` would fail over a container that appears in its midst, and who stops all of a
/// service wants it stopped. Pure.
class StopWatch {
 public:
  /// After somebody has begun to stop one of several, and after it has ended.
  static constexpr base::Duration kPause = std::chrono::seconds(2);
  /// After all were stopped and the first one runs again; and how much longer than it should a stop may take.
  static constexpr base::Duration kLongPause = std::chrono::seconds(5);

  /// Somebody else sent a container a signal that ends it, within `longest` as far as we know.
  void stopping(const std::string& id, base::Duration longest, base::TimePoint now);
  /// A container has ended, however. Once for each end.
  void ended(const std::string& id, base::TimePoint now);
  /// A container runs (again), besides `running` others.
  void runs(const std::string& id, std::size_t running, base::TimePoint now);

  [[nodiscard]] bool is_stopping(const std::string& id) const { return ids_.contains(id); }
  /// Whether nothing is to be started now, where `running` containers run.
  [[nodiscard]] bool holds(std::size_t running, base::TimePoint now) const;
  /// Whether none runs since somebody else has stopped the last one.
  [[nodiscard]] bool all_stopped(std::size_t running) const noexcept {
    return running == 0 && last_was_stopped_;
  }

 private:
  std::map<std::string, base::TimePoint> ids_;  // being stopped by others, and until when that should last
  base::TimePoint until_{};
  bool last_was_stopped_ = false;
};

}  // namespace limpet::scaling
