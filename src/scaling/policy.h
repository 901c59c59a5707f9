#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "scaling/server.h"
#include "scaling/settings.h"

/// How many servers a service should have, and which of them go. Pure: no sockets, no clock but an argument.
namespace limpet::scaling {

/// What is so now.
struct Observation {
  std::span<const Server> servers;  ///< all of the service, in any order
  std::uint32_t waiting = 0;        ///< users held because no server has a seat
  double arrivals = 0;              ///< users a second, ArrivalRate::expected
  base::Duration start_time{};      ///< from launch to ready, StartTimes::p95
};

/// A server past its drain deadline: its connections are closed one by one between two times. The same plan
/// is part of each decision until the server is empty or stopped.
struct ClosePlan {
  std::string id;
  std::uint32_t connections = 0;  ///< still there
  base::TimePoint begin{};
  base::TimePoint end{};

  bool operator==(const ClosePlan&) const = default;
};

/// What to do. Lists are disjoint; ids are those of the observation.
struct Decision {
  std::uint32_t wanted = 0;  ///< servers that demand asks for, starting ones counted
  std::uint32_t kept = 0;    ///< servers that scale-in leaves: the most that was needed lately
  std::uint32_t needed = 0;  ///< `kept` without the past and limits, for History
  std::uint32_t launch = 0;
  std::vector<std::string> undrain;
  std::vector<std::string> drain;
  std::vector<ClosePlan> close;
  std::vector<std::string> stop;
  std::string why;  ///< one sentence with the numbers

  /// Whether anything is to be done.
  [[nodiscard]] bool acts() const noexcept {
    return launch > 0 || !undrain.empty() || !drain.empty() || !close.empty() || !stop.empty();
  }
};

/// What the policy must remember of the past. The caller keeps one for each service and tells it everything;
/// one thread.
class History {
 public:
  /// A decision was made and is being carried out.
  void note(const Settings& settings, const Decision& decision, base::TimePoint now);
  /// A launch failed: the next one waits, twice as long each time.
  void launch_failed(const Settings& settings, base::TimePoint now) noexcept;
  /// A launched server became ready.
  void launch_succeeded() noexcept;

  /// Whether decisions since `since` are all known: one was made at or before it.
  [[nodiscard]] bool reaches(base::TimePoint since) const noexcept;
  /// The most servers needed by any decision since `since`, 0 if there was none.
  [[nodiscard]] std::uint32_t most_needed(base::TimePoint since) const noexcept;
  [[nodiscard]] std::uint32_t launched(base::TimePoint since) const noexcept;
  [[nodiscard]] std::uint32_t drained(base::TimePoint since) const noexcept;
  [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }  ///< launches, in a row
  [[nodiscard]] base::TimePoint retry_at() const noexcept { return retry_at_; }

 private:
  struct Step {
    base::TimePoint at;
    std::uint32_t count = 0;
  };
  std::optional<base::TimePoint> first_;
  std::deque<Step> needed_;  // falling counts: the first is the largest
  std::deque<Step> launched_;
  std::deque<Step> drained_;
  std::uint32_t failures_ = 0;
  base::TimePoint retry_at_{};
};

/// Decides. The same arguments give the same decision. `settings` must pass check().
///
/// Out, at once: draining servers are taken back, the fullest first, before any is launched. In, slowly: only
/// what has not been needed for the whole stabilisation window, nothing while a server starts or a user
/// waits; the server with the fewest users drains first, of equals the youngest. A server is stopped when it
/// is empty, or after its drain deadline and the close window.
[[nodiscard]] Decision decide(const Settings& settings, const Observation& seen, const History& history,
                              base::TimePoint now);

/// When, after a plan's begin, each of `connections` is closed: rising, all within the window. Steps are
/// between half and all of the window's share of a connection, a second at most, drawn from `seed`.
[[nodiscard]] std::vector<base::Duration> close_offsets(std::uint32_t connections, base::Duration window,
                                                        std::uint64_t seed);

}  // namespace limpet::scaling
