#include "providers/docker/docker_provider.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/socket.h"

namespace limpet::providers::docker {
namespace {

using std::chrono::milliseconds;

/// What `docker-compose up` does to a container comes in several events within some milliseconds.
constexpr base::Duration kSettle = milliseconds(20);
/// A change is to count within half a second, so bursts are not spaced out further than this.
constexpr base::Duration kLongestSpacing = milliseconds(300);
/// Between two publications of which the second one keeps users away from a server that goes.
constexpr base::Duration kUrgentSpacing = milliseconds(20);
constexpr base::Duration kFirstPause = milliseconds(100);
constexpr base::Duration kLongestPause = std::chrono::seconds(10);
constexpr base::Duration kPoll = milliseconds(50);

constexpr std::array<std::string_view, 2> kHostNames{"host.docker.internal", "host.containers.internal"};

/// Half to all of it, so that many Limpets don't fall into step.
base::Duration with_jitter(base::Duration pause) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return pause / 2 +
         base::Duration(std::uniform_int_distribution<base::Duration::rep>(0, pause.count() / 2)(random));
}

bool is_in_a_container() {
  return ::access("/.dockerenv", F_OK) == 0 || ::access("/run/.containerenv", F_OK) == 0;
}

}  // namespace

std::expected<std::unique_ptr<DockerProvider>, base::Diagnostics> DockerProvider::make(
    config::DockerProvider settings, base::Duration throttle, net::Reactor& reactor) {
  auto endpoint = apis::docker::parse_endpoint(settings.endpoint);
  auto translation = Translation::make(std::move(settings));
  base::Diagnostics problems;
  if (!endpoint) problems.error({}, "providers.docker.endpoint", endpoint.error());
  if (!translation) problems.add_all(translation.error());
  if (problems.has_errors()) return std::unexpected(std::move(problems));
  return std::make_unique<DockerProvider>(std::move(*translation), std::move(*endpoint), throttle, reactor);
}

DockerProvider::DockerProvider(Translation translation, apis::docker::Endpoint endpoint,
                               base::Duration throttle, net::Reactor& reactor)
    : translation_(std::move(translation)),
      endpoint_(endpoint.text),
      reactor_(reactor),
      client_(reactor, std::move(endpoint), translation_.settings().http_client_timeout),
      throttle_(kSettle, std::min(throttle, kLongestSpacing)),
      timer_([](void* self) noexcept { static_cast<DockerProvider*>(self)->publish(); }, this) {}

DockerProvider::~DockerProvider() {
  LIMPET_CHECK(!running_);
}

void DockerProvider::start(Sink& sink) {
  sink_ = &sink;
  running_ = true;
  net::spawn(run());
}

void DockerProvider::reload() {
  reload_wanted_ = true;
  if (events_ != nullptr) events_->cancel();
}

net::Task<void> DockerProvider::stop() {
  stopping_ = true;
  timer_.disarm();
  client_.cancel();
  if (events_ != nullptr) events_->cancel();
  struct Ended {
    DockerProvider& provider;
    [[nodiscard]] bool await_ready() const noexcept { return !provider.running_; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept { provider.stop_waiter_ = waiter; }
    static void await_resume() noexcept {}
  };
  co_await Ended{*this};
  timer_.disarm();
}

net::Task<void> DockerProvider::run() {
  base::Duration next_pause = kFirstPause;
  while (!stopping_) {
    reload_wanted_ = false;
    const bool went_well = co_await follow();
    if (went_well) next_pause = kFirstPause;
    co_await pause(with_jitter(next_pause));
    next_pause = std::min(next_pause * 2, kLongestPause);
  }
  running_ = false;
  if (stop_waiter_) reactor_.resume_soon(std::exchange(stop_waiter_, nullptr));
}

net::Task<void> DockerProvider::pause(base::Duration duration) {
  const base::TimePoint end = base::Clock::now() + duration;
  while (base::Clock::now() < end && !stopping_ && !reload_wanted_) {
    net::Sleep sleep(reactor_, std::min(kPoll, duration));
    co_await sleep;
  }
}

/// One connection's life: true if it began well.
net::Task<bool> DockerProvider::follow() {
  apis::docker::EventStream events(client_);
  const bool watches = translation_.settings().watch;
  if (watches) {
    // Opened before the list is read, so that nothing falls in between.
    events_ = &events;
    const auto opened = co_await events.open();
    if (!opened) {
      events_ = nullptr;
      fail(opened.error().text);
      co_return false;
    }
  }
  bool goes_on = co_await read_all();
  const bool went_well = goes_on;
  if (goes_on && !watches) {
    while (!stopping_ && !reload_wanted_) co_await pause(kLongestPause);
  }
  while (goes_on && watches && !stopping_ && !reload_wanted_) {
    auto event = co_await events.next();
    if (event) {
      goes_on = co_await apply(std::move(*event));
    } else {
      goes_on = false;
      fail(event.error().text);
    }
  }
  events_ = nullptr;
  co_return went_well;
}

net::Task<bool> DockerProvider::read_all() {
  const auto list = co_await client_.list();
  if (!list) {
    fail(list.error().text);
    co_return false;
  }
  Containers fresh;
  for (const apis::docker::Listed& listed : *list) {
    if (!listed.running && !is_kept_stopped(listed.labels)) continue;
    if (stopping_ || !co_await inspect(listed.id, fresh)) co_return false;
  }
  containers_ = std::move(fresh);
  if (std::exchange(has_failed_, false)) base::log_info("provider docker: {} answers again", endpoint_);
  publish();
  co_return true;
}

/// Reads what a container is like now. False if the Engine does not answer, which has been told.
net::Task<bool> DockerProvider::inspect(std::string id, Containers& into) {
  auto container = co_await client_.inspect(id);
  if (!container && container.error().status != 404) {
    fail(container.error().text);
    co_return false;
  }
  if (!container || (!container->running && !is_kept_stopped(container->labels))) {
    into.erase(id);
    co_return true;
  }
  const auto known = containers_.find(id);
  const bool same_run =
      known != containers_.end() && known->second.container.started_at == container->started_at;
  const bool stopping = same_run && known->second.stopping;
  into[id] = Seen{.container = std::move(*container), .stopping = stopping};
  co_return true;
}

net::Task<bool> DockerProvider::apply(apis::docker::Event event) {
  const auto known = containers_.find(event.container);
  if (event.action == "kill") {
    if (known == containers_.end() || known->second.stopping ||
        !apis::docker::ends(event.signal, known->second.container)) {
      co_return true;
    }
    known->second.stopping = true;
    base::log_debug("container {} is being stopped", known->second.container.name);
    note_change(true);
    co_return true;
  }
  if (event.action == "die" || event.action == "destroy") {
    if (known == containers_.end()) co_return true;
    if (event.action == "die" && is_kept_stopped(known->second.container.labels)) {
      known->second.container.running = false;
      known->second.stopping = false;
    } else {
      containers_.erase(known);
    }
    note_change(false);
    co_return true;
  }
  const std::optional<Seen> before = known == containers_.end() ? std::nullopt : std::optional(known->second);
  if (!co_await inspect(event.container, containers_)) co_return false;
  const auto after = containers_.find(event.container);
  const bool is_there = after != containers_.end();
  if (is_there != before.has_value() || (is_there && after->second != *before)) note_change(false);
  co_return true;
}

void DockerProvider::note_change(bool is_urgent) {
  if (stopping_) return;
  const base::TimePoint now = base::Clock::now();
  base::TimePoint due = throttle_.note(now);
  if (is_urgent) {
    due = last_publication_ ? std::max(now, *last_publication_ + kUrgentSpacing) : now;
    if (due <= now) return publish();
  }
  reactor_.arm(timer_, std::max(due - reactor_.now(), base::Duration(1)));
}

void DockerProvider::publish() {
  timer_.disarm();
  std::vector<const Seen*> seen;
  for (const auto& [id, one] : containers_) seen.push_back(&one);
  base::Diagnostics problems;
  config::Dynamic configuration = translation_.translate(std::move(seen), host_address(), problems);
  const base::TimePoint now = base::Clock::now();
  throttle_.done(now);
  last_publication_ = now;
  has_reported_ = true;
  sink_->publish(name(), std::move(configuration), std::move(problems));
}

void DockerProvider::fail(const std::string& message) {
  if (stopping_ || reload_wanted_) return;
  // Told once, however often it is tried again.
  if (std::exchange(has_failed_, true)) {
    base::log_debug("provider docker: {}: {}", endpoint_, message);
    return;
  }
  base::Diagnostics problems;
  problems.error({.source = endpoint_}, "providers.docker.endpoint", message);
  has_reported_ = true;
  sink_->failed(name(), std::move(problems));
}

/// As Traefik does: a name for the host, if there is one, else this machine.
std::string DockerProvider::host_address() {
  const bool is_needed = std::ranges::any_of(
      containers_, [](const auto& entry) { return entry.second.container.network_mode == "host"; });
  static const bool kInside = is_in_a_container();
  if (!is_needed || !kInside) return "127.0.0.1";
  if (!host_names_) {
    host_names_.emplace(reactor_, [this] { note_change(false); });
    host_names_->use({std::string(kHostNames[0]), std::string(kHostNames[1])}, base::Duration::zero());
  }
  for (const std::string_view host : kHostNames) {
    const auto found = host_names_->find(std::string(host));
    if (found && !found->empty()) return found->front().text();
  }
  return "127.0.0.1";
}

}  // namespace limpet::providers::docker
