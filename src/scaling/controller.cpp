#include "scaling/controller.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/clock.h"
#include "scaling/drivers/process_driver.h"
#include "scaling/drivers/webhook_driver.h"

namespace limpet::scaling {
namespace {

constexpr base::Duration kGlance = std::chrono::milliseconds(50);
constexpr base::Duration kPoll = std::chrono::milliseconds(10);

std::vector<Pool::Listed> listed_of(const balancing::Service& service) {
  std::vector<Pool::Listed> listed;
  for (const balancing::Server& server : service.servers()) {
    listed.push_back({.state = server.state, .fenced = server.fenced, .resolved = !server.addresses.empty()});
  }
  return listed;
}

}  // namespace

DriverFactory real_drivers(net::Reactor& reactor, DockerAccess docker) {
  return [&reactor, docker = std::move(docker)](const std::string& service, const config::Scaling& settings,
                                                DriverEvents& events) -> std::unique_ptr<Driver> {
    if (settings.process) {
      return std::make_unique<ProcessDriver>(reactor, service, *settings.process, events);
    }
    if (settings.docker) {
      return std::make_unique<DockerDriver>(reactor, service, *settings.docker, docker, events);
    }
    return std::make_unique<WebhookDriver>(reactor, service,
                                           settings.webhook.value_or(config::WebhookDriver{}), events);
  };
}

Controller::Controller(net::Reactor& reactor, Host& host, DriverFactory make_driver)
    : reactor_(reactor),
      host_(host),
      make_driver_(std::move(make_driver)),
      timer_([](void* self) noexcept { static_cast<Controller*>(self)->glance(); }, this) {}

void Controller::update(const std::vector<const balancing::Service*>& services) {
  wanted_.clear();
  for (const balancing::Service* service : services) {
    if (service->settings().scaling) wanted_[service->name()] = service->settings();
  }
  for (const auto& [name, pool] : pools_) {
    const auto wanted = wanted_.find(name);
    if (wanted == wanted_.end()) {
      pool->retire();
    } else {
      static_cast<void>(pool->configure(wanted->second));
    }
  }
  if (held_) return;
  add_missing();
  for (const balancing::Service* service : services) {
    if (const auto pool = pools_.find(service->name()); pool != pools_.end()) {
      pool->second->set_listed(listed_of(*service));
    }
  }
  if (!pools_.empty() && !timer_.armed()) reactor_.arm(timer_, base::Duration::zero());
}

void Controller::add_missing() {
  for (const auto& [name, settings] : wanted_) {
    if (pools_.contains(name)) continue;
    auto pool = std::make_unique<Pool>(name, host_);
    pool->set_driver(make_driver_(name, *settings.scaling, *pool));
    static_cast<void>(pool->configure(settings));
    pools_.emplace(name, std::move(pool));
  }
}

void Controller::glance() {
  const base::TimePoint now = base::Clock::now();
  // Publishing servers brings a new snapshot, and with it update(), which adds pools but takes none away.
  for (const auto& pool : pools_ | std::views::values) pool->glance(now);
  bury();
  if (!held_) add_missing();
  if (!pools_.empty() && !held_) reactor_.arm(timer_, kGlance);
}

void Controller::bury() {
  for (auto pool = pools_.begin(); pool != pools_.end();) {
    if (!pool->second->is_over()) {
      ++pool;
      continue;
    }
    net::spawn(end(std::move(pool->second)));
    pool = pools_.erase(pool);
  }
}

net::Task<void> Controller::end(std::unique_ptr<Pool> pool) {
  ++ending_;
  co_await pool->stop();
  --ending_;
}

Pool* Controller::find(std::string_view service) const {
  if (const auto exact = pools_.find(service); exact != pools_.end()) return exact->second.get();
  Pool* found = nullptr;
  for (const auto& [name, pool] : pools_) {
    if (std::string_view(name).substr(0, name.rfind('@')) != service) continue;
    if (found != nullptr) return nullptr;
    found = pool.get();
  }
  return found;
}

std::vector<PoolView> Controller::view() const {
  std::vector<PoolView> views;
  const base::TimePoint now = base::Clock::now();
  for (const auto& pool : pools_ | std::views::values) views.push_back(pool->view(now));
  return views;
}

std::optional<PoolView> Controller::view(std::string_view service) const {
  const Pool* pool = find(service);
  if (pool == nullptr) return std::nullopt;
  return pool->view(base::Clock::now());
}

std::expected<void, std::string> Controller::change(std::string_view service, const Override& changed) {
  Pool* pool = find(service);
  if (pool == nullptr) return std::unexpected(fmt::format("no service {} is scaled", service));
  return pool->change(changed);
}

void Controller::hold() noexcept {
  held_ = true;
  timer_.disarm();
}

net::Task<void> Controller::stop() {
  hold();
  for (auto& pool : pools_ | std::views::values) net::spawn(end(std::move(pool)));
  pools_.clear();
  while (ending_ > 0) {
    net::Sleep pause(reactor_, kPoll);
    co_await pause;
  }
}

}  // namespace limpet::scaling
