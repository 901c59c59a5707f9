#include "scaling/simulator/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "scaling/placement.h"
#include "scaling/policy.h"
#include "scaling/signals.h"
#include "scaling/simulator/random.h"

namespace limpet::scaling {
namespace {

using base::Duration;
using base::TimePoint;

constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();
constexpr double kLongestReturn = 5;  // seconds until a user who was cut is back
constexpr double kLongestRetry = 30;  // seconds until a user who lost the network is back
constexpr TimePoint kStart{std::chrono::hours(1)};

enum class EventKind : std::uint8_t { kEnd, kReady, kReturn, kClose, kGiveUp, kStorm, kTick };

/// `subject` is a visitor, or for kReady a slot; `stamp` tells whether the subject is still what was meant.
struct Event {
  TimePoint at;
  std::uint64_t order = 0;
  std::uint64_t stamp = 0;
  std::uint32_t subject = 0;
  EventKind kind = EventKind::kTick;
};

struct Later {
  bool operator()(const Event& a, const Event& b) const noexcept {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }
};

struct Visitor {
  TimePoint end;         // while connected
  TimePoint waits_from;  // while waiting
  Duration rest{};       // of the visit, while not connected
  std::uint32_t slot = kNowhere;
  std::uint64_t home = 0;   // number of the server to come back to, 0: any
  std::uint32_t place = 0;  // within the slot's visitors
  std::uint32_t moves = 0;  // counts connections, so that late events are known
  bool waits = false;
};

/// What a server has besides what the policy sees. A stopped server's slot is used again.
struct Slot {
  std::vector<std::uint32_t> visitors;
  std::uint64_t number = 0;  // of the server, unique
  std::uint32_t cut = 0;
  bool closing = false;
};

class Simulation {
 public:
  Simulation(const World& world, const Workload& workload, Scaler& scaler)
      : world_(world), workload_(workload), scaler_(scaler), random_(world.seed) {
    placing_.capacity = world.capacity;
    placing_.soft = world.soft;
    placing_.placement = world.placement;
  }

  Outcome run() {
    for (std::uint32_t i = 0; i < world_.first_servers; ++i) make_ready(launch());
    visitors_.reserve(workload_.sessions.size());
    if (workload_.storm) push(kStart + *workload_.storm, EventKind::kStorm, 0, 0);
    push(kStart, EventKind::kTick, 0, 0);
    const TimePoint end = kStart + workload_.length;
    std::size_t next = 0;
    while (true) {
      const bool arrival =
          next < workload_.sessions.size() && kStart + workload_.sessions[next].at <= events_.top().at;
      const TimePoint at = arrival ? kStart + workload_.sessions[next].at : events_.top().at;
      if (at >= end) break;
      advance(at);
      if (arrival) {
        arrive(workload_.sessions[next++]);
      } else {
        const Event event = events_.top();
        events_.pop();
        handle(event);
      }
      serve_queue();
    }
    advance(end);
    return outcome_;
  }

 private:
  void push(TimePoint at, EventKind kind, std::uint32_t subject, std::uint64_t stamp) {
    events_.push({.at = at, .order = ++order_, .stamp = stamp, .subject = subject, .kind = kind});
  }

  void advance(TimePoint to) {
    const double hours = std::chrono::duration<double, std::ratio<3600>>(to - now_).count();
    outcome_.server_hours += hours * running_;
    outcome_.seat_hours_offered += hours * (running_ - starting_) * world_.capacity;
    outcome_.seat_hours_needed += hours * (connected_ + static_cast<double>(queue_.size()));
    now_ = to;
  }

  void arrive(const Session& session) {
    ++outcome_.sessions;
    const auto who = static_cast<std::uint32_t>(visitors_.size());
    visitors_.emplace_back().rest = session.length;
    // Who is there from the start did not arrive.
    if (session.at > Duration::zero()) arrivals_.note(now_);
    enter(who);
  }

  void enter(std::uint32_t who) {
    if (queue_.empty() && connect(who)) return;
    Visitor& visitor = visitors_[who];
    visitor.waits = true;
    visitor.waits_from = now_;
    ++visitor.moves;
    ++outcome_.waited;
    queue_.push_back(who);
    push(now_ + world_.patience, EventKind::kGiveUp, who, visitor.moves);
  }

  bool connect(std::uint32_t who) {
    const auto found = place(placing_, servers_);
    if (found) seat(who, static_cast<std::uint32_t>(*found));
    return found.has_value();
  }

  void seat(std::uint32_t who, std::uint32_t index) {
    Visitor& visitor = visitors_[who];
    Slot& slot = slots_[index];
    visitor.slot = index;
    visitor.place = static_cast<std::uint32_t>(slot.visitors.size());
    visitor.end = now_ + visitor.rest;
    slot.visitors.push_back(who);
    ++servers_[index].connections;
    ++connected_;
    push(visitor.end, EventKind::kEnd, who, ++visitor.moves);
  }

  /// A bound user keeps the server, also if it drains.
  bool come_home(std::uint32_t who) {
    const std::uint64_t home = visitors_[who].home;
    const auto slot = std::ranges::find(slots_, home, &Slot::number);
    if (home == 0 || slot == slots_.end()) return false;
    const auto index = static_cast<std::uint32_t>(slot - slots_.begin());
    const Server& server = servers_[index];
    const bool alive = server.phase == Phase::kReady || server.phase == Phase::kDraining;
    if (!alive || slot->closing || server.taken() >= world_.capacity) return false;
    seat(who, index);
    return true;
  }

  void disconnect(std::uint32_t who) {
    Visitor& visitor = visitors_[who];
    Slot& slot = slots_[visitor.slot];
    const std::uint32_t last = slot.visitors.back();
    slot.visitors[visitor.place] = last;
    visitors_[last].place = visitor.place;
    slot.visitors.pop_back();
    --servers_[visitor.slot].connections;
    --connected_;
    visitor.slot = kNowhere;
    visitor.home = slot.number;
    visitor.rest = std::max(Duration::zero(), visitor.end - now_);
    ++visitor.moves;
  }

  void serve_queue() {
    while (!queue_.empty()) {
      const std::uint32_t who = queue_.front();
      if (!connect(who)) return;
      stop_waiting(who);
      queue_.pop_front();
    }
  }

  void stop_waiting(std::uint32_t who) {
    visitors_[who].waits = false;
    outcome_.longest_wait = std::max(outcome_.longest_wait, now_ - visitors_[who].waits_from);
  }

  /// The visitor is disconnected and comes back for the rest.
  void interrupt(std::uint32_t who, double longest) {
    disconnect(who);
    const auto pause =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(random_.uniform(0, longest)));
    push(now_ + pause, EventKind::kReturn, who, visitors_[who].moves);
  }

  void cut(std::uint32_t who) {
    Slot& slot = slots_[visitors_[who].slot];
    ++outcome_.cut;
    outcome_.biggest_cut = std::max(outcome_.biggest_cut, ++slot.cut);
    interrupt(who, kLongestReturn);
    visitors_[who].home = 0;
  }

  void handle(const Event& event) {
    const auto is_meant = [&] { return visitors_[event.subject].moves == event.stamp; };
    switch (event.kind) {
      case EventKind::kEnd:
        if (is_meant()) disconnect(event.subject);
        break;
      case EventKind::kReturn:
        come_back(event.subject);
        break;
      case EventKind::kClose:
        if (is_meant()) cut(event.subject);
        break;
      case EventKind::kGiveUp:
        if (is_meant()) give_up(event.subject);
        break;
      case EventKind::kReady:
        if (slots_[event.subject].number == event.stamp &&
            servers_[event.subject].phase == Phase::kStarting) {
          start_times_.note(world_.start_time);
          make_ready(event.subject);
        }
        break;
      case EventKind::kStorm:
        storm();
        break;
      case EventKind::kTick:
        tick();
        push(now_ + scaler_.interval(), EventKind::kTick, 0, 0);
        break;
    }
  }

  void come_back(std::uint32_t who) {
    if (come_home(who)) return;
    arrivals_.note(now_);
    enter(who);
  }

  void give_up(std::uint32_t who) {
    stop_waiting(who);
    std::erase(queue_, who);
    ++outcome_.refused;
  }

  void storm() {
    for (const Slot& slot : slots_) {
      const std::vector<std::uint32_t> visitors = slot.visitors;
      for (const std::uint32_t who : visitors) interrupt(who, kLongestRetry);
    }
  }

  std::uint32_t launch() {
    auto free = std::ranges::find(servers_, Phase::kDead, &Server::phase);
    if (free == servers_.end()) {
      servers_.emplace_back();
      slots_.emplace_back();
      free = servers_.end() - 1;
    }
    const auto index = static_cast<std::uint32_t>(free - servers_.begin());
    slots_[index] = {.visitors = {}, .number = ++launched_};
    *free = {.id = fmt::format("s{:05}", launched_), .phase = Phase::kStarting, .started_at = now_};
    ++running_;
    ++starting_;
    outcome_.most_servers = std::max(outcome_.most_servers, static_cast<std::uint32_t>(running_));
    return index;
  }

  void make_ready(std::uint32_t index) {
    servers_[index].phase = Phase::kReady;
    --starting_;
  }

  void stop(std::uint32_t index) {
    while (!slots_[index].visitors.empty()) cut(slots_[index].visitors.back());
    if (servers_[index].phase == Phase::kStarting) --starting_;
    servers_[index].phase = Phase::kDead;
    --running_;
  }

  std::uint32_t index_of(std::string_view id) const {
    const auto found = std::ranges::find_if(
        servers_, [id](const Server& s) { return s.phase != Phase::kDead && s.id == id; });
    LIMPET_CHECK(found != servers_.end());
    return static_cast<std::uint32_t>(found - servers_.begin());
  }

  void tick() {
    const Decision decision = scaler_.decide({.servers = servers_,
                                              .waiting = static_cast<std::uint32_t>(queue_.size()),
                                              .arrivals = arrivals_.expected(now_),
                                              .start_time = start_times_.p95(world_.start_time)},
                                             now_);
    if (decision.acts()) carry_out(decision);
  }

  void carry_out(const Decision& decision) {
    for (const std::string& id : decision.undrain) servers_[index_of(id)].phase = Phase::kReady;
    for (const std::string& id : decision.drain) drain(index_of(id));
    for (const ClosePlan& plan : decision.close) close(index_of(plan.id), plan);
    for (const std::string& id : decision.stop) stop(index_of(id));
    for (std::uint32_t i = 0; i < decision.launch; ++i) {
      const std::uint32_t index = launch();
      push(now_ + world_.start_time, EventKind::kReady, index, slots_[index].number);
    }
    outcome_.launches += decision.launch;
    outcome_.drains += decision.drain.size();
    outcome_.taken_back += decision.undrain.size();
  }

  void drain(std::uint32_t index) {
    if (servers_[index].phase == Phase::kStarting) {
      stop(index);
      return;
    }
    servers_[index].phase = Phase::kDraining;
    servers_[index].drain_since = now_;
  }

  void close(std::uint32_t index, const ClosePlan& plan) {
    Slot& slot = slots_[index];
    if (slot.closing) return;
    slot.closing = true;
    const auto count = static_cast<std::uint32_t>(slot.visitors.size());
    const auto offsets = close_offsets(count, plan.end - plan.begin, slot.number);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t who = slot.visitors[i];
      push(now_ + offsets[i], EventKind::kClose, who, visitors_[who].moves);
    }
  }

  const World& world_;
  const Workload& workload_;
  Scaler& scaler_;
  Random random_;
  Settings placing_;
  Outcome outcome_;
  TimePoint now_ = kStart;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
  std::uint64_t order_ = 0;
  std::vector<Visitor> visitors_;
  std::vector<Server> servers_;
  std::vector<Slot> slots_;  // of the servers with the same index
  std::deque<std::uint32_t> queue_;
  ArrivalRate arrivals_;
  StartTimes start_times_;
  std::uint64_t launched_ = 0;
  double connected_ = 0;
  double running_ = 0;
  double starting_ = 0;
};

}  // namespace

Outcome simulate(const World& world, const Workload& workload, Scaler& scaler) {
  return Simulation(world, workload, scaler).run();
}

}  // namespace limpet::scaling
