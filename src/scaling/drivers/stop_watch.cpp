#include "scaling/drivers/stop_watch.h"

#include <algorithm>

namespace limpet::scaling {

void StopWatch::stopping(const std::string& id, base::Duration longest, base::TimePoint now) {
  ids_[id] = now + longest + kLongPause;
  until_ = std::max(until_, now + kPause);
}

void StopWatch::ended(const std::string& id, base::TimePoint now) {
  last_was_stopped_ = ids_.erase(id) > 0;
  if (last_was_stopped_) until_ = std::max(until_, now + kPause);
}

void StopWatch::runs(const std::string& id, std::size_t running, base::TimePoint now) {
  ids_.erase(id);
  if (all_stopped(running)) until_ = std::max(until_, now + kLongPause);
  last_was_stopped_ = false;
}

bool StopWatch::holds(std::size_t running, base::TimePoint now) const {
  const auto stopping = std::ranges::count_if(ids_, [now](const auto& each) { return now < each.second; });
  return now < until_ || all_stopped(running) ||
         (running > 0 && static_cast<std::size_t>(stopping) >= running);
}

}  // namespace limpet::scaling
