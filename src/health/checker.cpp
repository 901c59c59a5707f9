#include "health/checker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"

namespace limpet::health {
namespace {

using balancing::Health;

constexpr base::Duration kLongestFirstPause = std::chrono::seconds(1);
// Whatever is configured, checks don't follow each other more closely than this.
constexpr base::Duration kShortestPause = std::chrono::milliseconds(10);

/// A fraction in [0, 1) that differs from server to server and from round to round.
double spread(const balancing::ServerState& server, std::uint64_t round) {
  return static_cast<double>(base::mix_64(base::fnv1a_64(server.id()), round) >> 11U) * 0x1p-53;
}

base::Duration scaled(base::Duration duration, double factor) {
  return base::Duration(static_cast<std::int64_t>(static_cast<double>(duration.count()) * factor));
}

bool same_addresses(const CheckRequest& a, const CheckRequest& b) {
  return std::ranges::equal(a.addresses, b.addresses, {}, &net::SocketAddress::text,
                            &net::SocketAddress::text);
}

}  // namespace

Checker::Probe::Probe(Checker& owner, std::shared_ptr<balancing::ServerState> server)
    : checker(owner),
      state(std::move(server)),
      timer(
          [](void* self) noexcept { static_cast<Probe*>(self)->checker.enqueue(*static_cast<Probe*>(self)); },
          this) {}

base::Duration Checker::Probe::next_pause() {
  constexpr double kLeast = 0.95;
  constexpr double kRange = 0.1;
  const bool down = state->health() == Health::kDown;
  const base::Duration interval =
      down ? settings.unhealthy_interval.value_or(settings.interval) : settings.interval;
  const base::Duration wanted = scaled(interval, kLeast + kRange * spread(*state, ++round));
  const base::Duration passed = base::Clock::now() - started;
  return std::max(wanted - passed, kShortestPause);
}

Checker::Checker(net::Reactor& reactor, std::size_t max_running)
    : reactor_(reactor), max_running_(max_running) {}

Checker::~Checker() {
  LIMPET_CHECK(running_ == 0);
}

void Checker::update(const std::vector<const balancing::Service*>& services) {
  Probes next;
  for (const balancing::Service* service : services) {
    if (!service->settings().health_check) continue;
    for (const balancing::Server& server : service->servers()) add_or_change(next, *service, server);
  }
  probes_.swap(next);
  for (auto& [state, probe] : next) {
    if (probe == nullptr) continue;
    probe->state->set_health(Health::kUnknown);
    retire(std::move(probe));
  }
}

void Checker::add_or_change(Probes& next, const balancing::Service& service,
                            const balancing::Server& server) {
  const config::HealthCheck& settings = *service.settings().health_check;
  auto request = make_check_request(server.url, server.addresses, settings);
  if (!request) {
    // The one before, if any, ends with update().
    base::log_error("health check of {} in {} is not possible: {}", server.url, service.name(),
                    request.error());
    return;
  }
  std::unique_ptr<Probe>& probe = next[server.state.get()];
  if (probe != nullptr) return;
  if (const auto known = probes_.find(server.state.get()); known != probes_.end()) {
    probe = std::move(known->second);
  }
  const bool is_new = probe == nullptr;
  if (is_new) probe = std::make_unique<Probe>(*this, server.state);
  if (!is_new && probe->settings == settings && same_addresses(probe->request, *request)) return;
  probe->settings = settings;
  probe->request = std::move(*request);
  // One that is due or under way has its next check soon enough.
  if (!is_new && !probe->timer.armed()) return;
  const base::Duration longest = std::min(settings.interval, kLongestFirstPause);
  reactor_.arm(probe->timer, std::max(scaled(longest, spread(*probe->state, 0)), base::Duration(1)));
}

void Checker::retire(std::unique_ptr<Probe> probe) {
  probe->timer.disarm();
  probe->retired = true;
  std::erase(queue_, probe.get());
  if (probe->running == nullptr) return;
  probe->running->cancel();
  retired_.push_back(std::move(probe));
}

net::Task<void> Checker::stop() {
  for (auto& [state, probe] : std::exchange(probes_, {})) retire(std::move(probe));
  struct Ended {
    Checker& checker;
    [[nodiscard]] bool await_ready() const noexcept { return checker.running_ == 0; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { checker.stop_waiter_ = waiter; }
    static void await_resume() noexcept {}
  };
  co_await Ended{*this};
}

void Checker::enqueue(Probe& probe) {
  queue_.push_back(&probe);
  start_queued();
}

void Checker::start_queued() {
  // A check that ends at once calls this again; the loop below goes on then.
  if (starting_) return;
  starting_ = true;
  while (running_ < max_running_ && !queue_.empty()) {
    Probe& probe = *queue_.front();
    queue_.pop_front();
    ++running_;
    net::spawn(check(probe));
  }
  starting_ = false;
}

net::Task<void> Checker::check(Probe& probe) {
  HttpCheck one(reactor_, probe.request);
  probe.running = &one;
  probe.started = base::Clock::now();
  const CheckResult result = co_await one.run();
  probe.running = nullptr;
  finished(probe, result);
}

void Checker::finished(Probe& probe, const CheckResult& result) {
  --running_;
  if (probe.retired) {
    std::erase_if(retired_, [&probe](const auto& other) { return other.get() == &probe; });
  } else {
    set_health(probe, result);
    reactor_.arm(probe.timer, probe.next_pause());
  }
  if (running_ == 0 && stop_waiter_) reactor_.resume_soon(std::exchange(stop_waiter_, nullptr));
  start_queued();
}

void Checker::set_health(Probe& probe, const CheckResult& result) {
  balancing::ServerState& state = *probe.state;
  const Health before = state.health();
  const Health after = result ? Health::kUp : Health::kDown;
  if (before == after) return;
  state.set_health(after);
  if (!result) {
    base::log_warn("server {} of {} is down: {}", state.url(), state.service(), result.error());
  } else if (before == Health::kDown) {
    base::log_info("server {} of {} is up again", state.url(), state.service());
  } else {
    base::log_debug("server {} of {} is up", state.url(), state.service());
  }
}

}  // namespace limpet::health
