#include "health/checker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/log.h"
#include "unit/apis/canned_server.h"

namespace limpet::health {
namespace {

using apis::CannedServer;
using apis::turn_until;

using balancing::Health;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kBad = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

/// Canned servers under a checker; each answers what `answers` says for it.
class CheckerTest : public testing::Test {
 protected:
  CheckerTest() {
    settings.health_check.emplace();
    settings.health_check->interval = milliseconds(30);
    settings.health_check->path = "/health";
  }
  ~CheckerTest() override {
    bool stopped = false;
    net::spawn(stop(stopped));
    EXPECT_TRUE(turn_until(reactor, [&] {
      return stopped && std::ranges::all_of(servers, [](const auto& one) { return one->connections() == 0; });
    }));
    checker.reset();
  }
  net::Task<void> stop(bool& stopped) {
    co_await checker->stop();
    stopped = true;
  }

  void add_server(std::optional<std::string> answer = std::string(kOk)) {
    answers.push_back(std::make_unique<std::optional<std::string>>(std::move(answer)));
    servers.push_back(std::make_unique<CannedServer>(
        reactor, [text = answers.back().get()](std::string_view) { return *text; }));
  }
  /// The service as a snapshot would have it, with the servers of these indexes.
  std::unique_ptr<balancing::Service> service(const std::vector<std::size_t>& indexes) {
    std::vector<balancing::Server> list;
    for (const std::size_t i : indexes) {
      balancing::Server server;
      server.url = servers[i]->url();
      server.state = registry.find_or_add("app@file", server.url);
      server.addresses = {servers[i]->address()};
      list.push_back(std::move(server));
    }
    return std::make_unique<balancing::Service>("app@file", settings, std::move(list));
  }
  void update(const std::vector<std::size_t>& indexes) {
    const auto current = service(indexes);
    checker->update({current.get()});
  }
  balancing::ServerState& state(std::size_t i) {
    return *registry.find_or_add("app@file", servers[i]->url());
  }
  bool becomes(std::size_t i, Health health) {
    return turn_until(reactor, [&] { return state(i).health() == health; });
  }
  bool has_checks(std::size_t i, std::size_t count) {
    return turn_until(reactor, [&] { return servers[i]->requests().size() >= count; });
  }

  net::Reactor reactor;
  balancing::ServerRegistry registry{1};
  config::LoadBalancer settings;
  std::vector<std::unique_ptr<std::optional<std::string>>> answers;
  std::vector<std::unique_ptr<CannedServer>> servers;
  std::unique_ptr<Checker> checker = std::make_unique<Checker>(reactor);
};

TEST_F(CheckerTest, TellsUpFromDownAndNoticesChanges) {
  add_server();
  add_server(std::string(kBad));
  update({0, 1});
  EXPECT_EQ(checker->size(), 2U);
  EXPECT_EQ(state(0).health(), Health::kUnknown);
  EXPECT_TRUE(becomes(0, Health::kUp));
  EXPECT_TRUE(becomes(1, Health::kDown));
  *answers[0] = std::string(kBad);
  *answers[1] = std::string(kOk);
  EXPECT_TRUE(becomes(0, Health::kDown));
  EXPECT_TRUE(becomes(1, Health::kUp));
}

TEST_F(CheckerTest, ServicesWithoutAHealthCheckAreLeftAlone) {
  add_server();
  settings.health_check.reset();
  update({0});
  EXPECT_EQ(checker->size(), 0U);
}

TEST_F(CheckerTest, AnUnchangedServerKeepsItsTimerAndHealth) {
  settings.health_check->interval = hours(1);
  add_server();
  // The first check comes within a second all the same.
  update({0});
  ASSERT_TRUE(becomes(0, Health::kUp));
  add_server();
  for (int reload = 0; reload < 5; ++reload) update({0, 1});
  ASSERT_TRUE(becomes(1, Health::kUp));
  EXPECT_EQ(state(0).health(), Health::kUp);
  EXPECT_EQ(servers[0]->requests().size(), 1U);
}

TEST_F(CheckerTest, NewSettingsAreTriedSoonAndHealthIsKeptUntilThen) {
  settings.health_check->interval = hours(1);
  add_server(std::string(kBad));
  update({0});
  ASSERT_TRUE(becomes(0, Health::kDown));
  settings.health_check->status = 503;
  update({0});
  EXPECT_EQ(state(0).health(), Health::kDown);
  EXPECT_TRUE(becomes(0, Health::kUp));
}

TEST_F(CheckerTest, AServerNoLongerCheckedIsUnknown) {
  add_server(std::string(kBad));
  add_server(std::string(kBad));
  update({0, 1});
  ASSERT_TRUE(becomes(0, Health::kDown));
  ASSERT_TRUE(becomes(1, Health::kDown));
  update({1});
  EXPECT_EQ(checker->size(), 1U);
  EXPECT_EQ(state(0).health(), Health::kUnknown);
  EXPECT_EQ(state(1).health(), Health::kDown);
  checker->update({});
  EXPECT_EQ(state(1).health(), Health::kUnknown);
  registry.forget_unused();
  EXPECT_EQ(registry.size(), 0U) << "the checker holds no server any more";
}

TEST_F(CheckerTest, ACheckUnderWayWhenItsServerGoesSaysNothing) {
  add_server(std::nullopt);
  settings.health_check->timeout = hours(1);
  update({0});
  ASSERT_TRUE(has_checks(0, 1));
  update({});
  EXPECT_TRUE(turn_until(reactor, [this] { return servers[0]->connections() == 0; }));
  EXPECT_EQ(state(0).health(), Health::kUnknown);
}

TEST_F(CheckerTest, ReloadsLeaveACheckUnderWayAlone) {
  add_server(std::nullopt);
  settings.health_check->timeout = milliseconds(400);
  update({0});
  ASSERT_TRUE(has_checks(0, 1));
  for (int reload = 0; reload < 3; ++reload) update({0});
  EXPECT_TRUE(becomes(0, Health::kDown)) << "it ran into its timeout";
  EXPECT_EQ(servers[0]->requests().size(), 1U);
}

TEST_F(CheckerTest, ADownServerIsAskedAtItsOwnInterval) {
  settings.health_check->interval = hours(1);
  settings.health_check->unhealthy_interval = milliseconds(20);
  add_server(std::string(kBad));
  update({0});
  EXPECT_TRUE(has_checks(0, 4));
  *answers[0] = std::string(kOk);
  EXPECT_TRUE(becomes(0, Health::kUp));
}

TEST_F(CheckerTest, AnUnresolvedServerIsDown) {
  add_server();
  balancing::Server server;
  server.url = "http://nowhere.invalid:80";
  server.state = registry.find_or_add("app@file", server.url);
  const auto state = server.state;
  const balancing::Service current("app@file", settings, {server});
  checker->update({&current});
  EXPECT_TRUE(turn_until(reactor, [&] { return state->health() == Health::kDown; }));
}

TEST_F(CheckerTest, WhatCannotBeAskedIsNotChecked) {
  balancing::Server server;
  server.url = "https://a:443";
  server.state = registry.find_or_add("app@file", server.url);
  const balancing::Service current("app@file", settings, {server});
  checker->update({&current});
  EXPECT_EQ(checker->size(), 0U);
}

TEST_F(CheckerTest, BoundsTheChecksUnderWay) {
  checker = std::make_unique<Checker>(reactor, 1);
  for (int i = 0; i < 5; ++i) add_server();
  update({0, 1, 2, 3, 4});
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(becomes(i, Health::kUp)) << i;
    EXPECT_TRUE(has_checks(i, 3)) << i;
  }
}

TEST_F(CheckerTest, AChecksTurnComesThoughAnotherHangs) {
  checker = std::make_unique<Checker>(reactor, 1);
  settings.health_check->timeout = milliseconds(100);
  add_server(std::nullopt);
  add_server();
  update({0, 1});
  EXPECT_TRUE(becomes(0, Health::kDown));
  EXPECT_TRUE(becomes(1, Health::kUp));
  update({1});
  EXPECT_TRUE(has_checks(1, servers[1]->requests().size() + 3));
}

TEST_F(CheckerTest, LogsEachChangeOnce) {
  const std::string file = testing::TempDir() + fmt::format("/limpet-checker-{}.log", ::getpid());
  base::set_up_log({.level = base::LogLevel::kInfo, .json = false, .file = file});
  add_server(std::string(kBad));
  update({0});
  ASSERT_TRUE(becomes(0, Health::kDown));
  ASSERT_TRUE(has_checks(0, 4));
  *answers[0] = std::string(kOk);
  ASSERT_TRUE(becomes(0, Health::kUp));
  ASSERT_TRUE(has_checks(0, 8));
  base::set_up_log({});
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  std::filesystem::remove(file);
  EXPECT_THAT(text.str(),
              HasSubstr(fmt::format("server {} of app@file is down: it answered 503", servers[0]->url())));
  EXPECT_THAT(text.str(), HasSubstr(fmt::format("server {} of app@file is up again", servers[0]->url())));
  EXPECT_EQ(std::ranges::count(text.str(), '\n'), 2);
}

}  // namespace
}  // namespace limpet::health
