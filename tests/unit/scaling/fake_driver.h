#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balancing/server_state.h"
#include "scaling/drivers/driver.h"
#include "scaling/host.h"

namespace limpet::scaling {

/// A process with nothing but counts, which a test sets.
class FakeHost final : public Host {
 public:
  Demand demand(const std::string& /*service*/) override { return now; }
  std::shared_ptr<balancing::ServerState> server_state(const std::string& service,
                                                       const std::string& url) override {
    auto& state = states[url];
    if (state == nullptr) state = std::make_shared<balancing::ServerState>(service, url, 1);
    return state;
  }
  void set_servers(const std::string& /*service*/, std::vector<config::Server> servers) override {
    published.clear();
    for (const config::Server& server : servers) published.push_back(server.url);
  }
  void admit(const std::string& /*service*/, Admission admission) override {
    admissions = std::move(admission);
  }
  void close_tunnels(const std::shared_ptr<balancing::ServerState>& server, base::Duration) override {
    server->set_admin(balancing::AdminState::kClosing);
    closing.push_back(server->url());
  }
  void keep_tunnels(const std::shared_ptr<balancing::ServerState>& server) override {
    std::erase(closing, server->url());
  }

  Demand now;
  std::map<std::string, std::shared_ptr<balancing::ServerState>> states;
  std::vector<std::string> published;
  Admission admissions;
  std::vector<std::string> closing;
};

/// A driver whose servers start and end when a test says so. They are "s1", "s2", and so on.
class FakeDriver final : public Driver {
 public:
  explicit FakeDriver(DriverEvents& events) : events_(events) {}

  std::string_view name() const noexcept override { return "process"; }
  void carry_out(const Order& order) override {
    for (const std::string& url : order.stop) find(url).state = DrivenServer::State::kStopping;
    for (std::uint32_t i = 0; i < order.launch; ++i) {
      const std::string url = "s" + std::to_string(++launched);
      all.push_back({.name = url, .url = url, .started_at = base::TimePoint{}});
    }
  }
  std::vector<DrivenServer> servers() const override { return all; }
  bool publishes() const noexcept override { return true; }
  bool reconfigure(const config::Scaling& settings) override {
    const std::string next = settings.process ? settings.process->command : "";
    if (std::exchange(command, next) != next) {
      for (DrivenServer& each : all) each.current = false;
    }
    return true;
  }
  void discovered(const std::vector<std::string>& /*urls*/) override {}
  net::Task<void> stop() override {
    all.clear();
    co_return;
  }

  DrivenServer& find(std::string_view url) { return *std::ranges::find(all, url, &DrivenServer::url); }
  void make_ready(std::string_view url, base::Duration took = std::chrono::seconds(1)) {
    find(url).state = DrivenServer::State::kReady;
    events_.on_ready(url, took);
  }
  void end(const std::string& url, bool expected, std::string_view why = "exit status 1") {
    std::erase_if(all, [&](const DrivenServer& each) { return each.url == url; });
    events_.on_gone(url, expected, why);
  }
  void fail_launch(const std::string& url) {
    std::erase_if(all, [&](const DrivenServer& each) { return each.url == url; });
    events_.on_launch_failed(url + " ended: exit status 1");
  }

  std::vector<DrivenServer> all;
  std::uint32_t launched = 0;
  std::string command;

 private:
  DriverEvents& events_;
};

}  // namespace limpet::scaling
