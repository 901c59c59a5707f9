#include "scaling/explain.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <string_view>

#include "base/units.h"

namespace limpet::scaling {
namespace {

/// 2310 as "2,310".
std::string grouped(std::uint32_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string seconds(base::Duration duration) {
  return fmt::format("{:.3g} s", std::chrono::duration<double>(duration).count());
}

class Sentence {
 public:
  /// Adds a part, after a separator unless it is the first since `restart`.
  void add(std::string_view separator, std::string_view part) {
    if (!first_) text_ += separator;
    text_ += part;
    first_ = false;
  }
  void restart(std::string_view text) {
    text_ += text;
    first_ = true;
  }
  [[nodiscard]] bool is_first() const { return first_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool first_ = true;
};

void add_demand(const Settings& settings, const Count& counted, const Reason& reason, Sentence& out) {
  out.add(" + ", fmt::format("{} active", grouped(counted.active)));
  if (counted.waiting > 0) out.add(" + ", fmt::format("{} waiting", grouped(counted.waiting)));
  if (counted.moving > 0) out.add(" + ", fmt::format("{} about to move", grouped(counted.moving)));
  if (counted.arriving > 0) {
    out.add(" + ",
            fmt::format("{} arriving over {} start", grouped(counted.arriving), seconds(reason.start_time)));
  }
  if (reason.size.by_free_seats) {
    out.add(" + ", fmt::format("{} free / {}", grouped(settings.free_seats()), grouped(settings.capacity)));
  } else {
    out.add(" / ", fmt::format("({} × {:.3g})", grouped(settings.capacity), settings.target));
  }
  if (reason.size.servers < settings.min) out.add(", ", fmt::format("at least {}", settings.min));
  if (reason.size.servers > settings.max) out.add(", ", fmt::format("at most {}", settings.max));
}

void add_servers(const Count& counted, Sentence& out) {
  out.add(" + ", fmt::format("{} ready", counted.ready));
  if (counted.starting > 0) out.add(" + ", fmt::format("{} starting", counted.starting));
  if (counted.draining > 0) out.add(" + ", fmt::format("{} draining", counted.draining));
}

/// Why what could be done is not done, if so.
std::string reservation(const Settings& settings, const Count& counted, const Decision& decision,
                        const Reason& reason) {
  if (reason.not_launched > 0) {
    if (reason.retry_in > base::Duration::zero()) {
      return fmt::format("{} more in {} since a launch failed", reason.not_launched,
                         seconds(reason.retry_in));
    }
    const std::uint32_t running = counted.active_servers() + counted.draining + decision.launch;
    if (running >= settings.max)
      return fmt::format("{} more would be above max {}", reason.not_launched, settings.max);
    return fmt::format("{} more later, the burst is used up", reason.not_launched);
  }
  if (reason.surplus > 0 && decision.drain.empty()) {
    if (counted.starting > 0) return fmt::format("{} too many, none drains while one starts", reason.surplus);
    if (counted.waiting > 0) return fmt::format("{} too many, none drains while users wait", reason.surplus);
    return fmt::format("{} too many, left for now", reason.surplus);
  }
  if (counted.active_servers() > decision.wanted && decision.kept > decision.wanted) {
    return fmt::format("{} kept for what was needed within {}", decision.kept,
                       base::format_duration(settings.stabilisation));
  }
  return {};
}

}  // namespace

std::string explain(const Settings& settings, const Count& counted, const Decision& decision,
                    const Reason& reason) {
  Sentence out;
  out.restart(fmt::format("want {}: ", decision.wanted));
  add_demand(settings, counted, reason, out);
  out.restart("; ");
  add_servers(counted, out);
  out.restart(": ");
  const auto act = [&out](std::string_view what, std::size_t servers) {
    if (servers > 0) out.add(", ", fmt::format("{} {}", what, servers));
  };
  act("take back", decision.undrain.size());
  act("launch", decision.launch);
  act("drain", decision.drain.size());
  act("close users of", decision.close.size());
  act("stop", decision.stop.size());
  if (out.is_first()) out.add("", "nothing to do");
  if (const std::string but = reservation(settings, counted, decision, reason); !but.empty()) {
    out.add(", ", but);
  }
  return out.text();
}

}  // namespace limpet::scaling
