// A pool whose driver tells of all servers while a provider discovers them: containers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "fake_driver.h"
#include "scaling/pool.h"

namespace limpet::scaling {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Somebody's containers: they live on when the pool ends.
class Containers final : public Driver {
 public:
  std::string_view name() const noexcept override { return "docker"; }
  void carry_out(const Order& order) override {
    launched += order.launch;
    stopped.insert(stopped.end(), order.stop.begin(), order.stop.end());
  }
  std::vector<DrivenServer> servers() const override { return all; }
  bool publishes() const noexcept override { return false; }
  bool tracks() const noexcept override { return true; }
  bool owns_servers() const noexcept override { return false; }
  bool knows() const noexcept override { return known; }
  std::vector<std::string> admitted() const override { return answered; }
  std::string trouble() const override { return in_the_way; }
  bool reconfigure(const config::Scaling& settings) override {
    if (settings.docker) image = settings.docker->image;
    return settings.docker.has_value();
  }
  void discovered(const std::vector<std::string>& urls) override { found = urls; }
  net::Task<void> stop() override { co_return; }

  std::vector<DrivenServer> all;
  std::vector<std::string> answered, found, stopped;
  std::string image, in_the_way;
  std::uint32_t launched = 0;
  bool known = true;
};

class TrackedPool : public testing::Test {
 protected:
  TrackedPool() {
    auto made = std::make_unique<Containers>();
    driver = made.get();
    pool.set_driver(std::move(made));
    settings.capacity = 10;
    config::Scaling& scaling = settings.scaling.emplace();
    scaling.max = 4;
    scaling.headroom = 2;
    scaling.interval = 1s;
    scaling.stabilisation = 2s;
    scaling.docker.emplace().discovered = true;
    EXPECT_TRUE(pool.configure(settings));
  }
  void pass(base::Duration time) {
    for (const base::TimePoint end = now + time; now < end; now += 100ms) pool.glance(now);
  }
  /// Containers that were there before.
  void find(const std::vector<std::string>& urls) {
    driver->all.clear();
    for (const std::string& url : urls) {
      driver->all.push_back({.name = "c" + url, .url = url, .state = DrivenServer::State::kReady});
    }
    driver->answered = urls;
    list(urls);
  }
  void list(const std::vector<std::string>& urls, bool fenced = false) {
    std::vector<Pool::Listed> listed;
    for (const std::string& url : urls) {
      listed.push_back({.state = host.server_state("app@docker", url), .fenced = fenced});
    }
    pool.set_listed(listed);
  }
  void connect(const std::string& url, int users) {
    for (int i = 0; i < users; ++i) {
      EXPECT_TRUE(host.server_state("app@docker", url)->try_take_seat(balancing::SeatKind::kTunnel, 10));
    }
  }

  FakeHost host;
  Pool pool{"app@docker", host};
  Containers* driver = nullptr;
  config::LoadBalancer settings;
  base::TimePoint now = base::TimePoint{} + 1h;
};

TEST_F(TrackedPool, DecidesNothingBeforeItKnowsWhatThereIs) {
  driver->known = false;
  pass(3s);
  EXPECT_EQ(driver->launched, 0U);
  driver->known = true;
  find({"a"});
  pass(3s);
  EXPECT_EQ(driver->launched, 0U);
  EXPECT_EQ(pool.view(now).ready, 1U);
}

TEST_F(TrackedPool, LetsServersInWhenTheyAnswer) {
  find({"a", "b"});
  driver->all[1].state = DrivenServer::State::kStarting;
  driver->answered = {"a"};
  pass(200ms);
  EXPECT_THAT(host.admissions.admitted, ElementsAre("a"));
  EXPECT_EQ(pool.view(now).starting, 1U);
  driver->all[1].state = DrivenServer::State::kReady;
  driver->answered = {"a", "b"};
  pass(200ms);
  EXPECT_THAT(host.admissions.admitted, ElementsAre("a", "b"));
}

TEST_F(TrackedPool, DoesNotTakeAServerThatIsNotLetInYetForOneThatDrains) {
  find({"a"});
  list({"a"}, true);
  pass(5s);
  EXPECT_THAT(driver->stopped, ElementsAre("a")) << "fenced by its provider, and empty";
  driver->stopped.clear();
  find({"b"});
  driver->answered.clear();
  list({"b"}, true);
  pass(5s);
  EXPECT_THAT(driver->stopped, IsEmpty());
}

TEST_F(TrackedPool, CountsOnlyWhatTheProviderUses) {
  find({"a"});
  pass(200ms);
  list({});
  pass(2s);
  EXPECT_EQ(driver->launched, 2U) << "one each second, since none comes";
}

TEST_F(TrackedPool, TakesAServerOutBeforeItIsStopped) {
  find({"a", "b"});
  connect("a", 1);
  while (host.admissions.leaving.empty()) pass(100ms);
  EXPECT_THAT(host.admissions.leaving, ElementsAre("b"));
  EXPECT_THAT(host.admissions.admitted, ElementsAre("a"));
  EXPECT_THAT(driver->stopped, IsEmpty());
  pass(Pool::kLeave + 100ms);
  EXPECT_THAT(driver->stopped, ElementsAre("b"));
}

TEST_F(TrackedPool, LeavesContainersAloneWhenTheServiceIsScaledNoMore) {
  find({"a", "b"});
  connect("a", 1);
  connect("b", 1);
  pass(4s);
  const auto draining = [this](const char* url) {
    return host.server_state("app@docker", url)->admin() == balancing::AdminState::kDraining;
  };
  EXPECT_TRUE(draining("a") || draining("b"));
  pool.retire();
  EXPECT_TRUE(pool.is_over());
  EXPECT_FALSE(draining("a") || draining("b"));
  pass(5s);
  EXPECT_THAT(driver->stopped, IsEmpty());
}

TEST_F(TrackedPool, ReplacesAtOnceWhatRanBeforeIt) {
  find({"a"});
  pass(200ms);
  driver->all.clear();
  list({});
  pool.on_gone("a", false, "ca ended: exit status 1");
  pass(200ms);
  EXPECT_EQ(driver->launched, 1U);
  EXPECT_EQ(pool.view(now).failures, 0U);
}

TEST_F(TrackedPool, NeverHasMoreThanTwiceTheMostThatMayRun) {
  std::vector<std::string> urls;
  for (char name = 'a'; name < 'i'; ++name) urls.emplace_back(1, name);
  find(urls);
  pass(200ms);
  list({});
  pass(10s);
  EXPECT_EQ(driver->launched, 0U);
}

TEST_F(TrackedPool, MovesToAnotherImageAndSaysWhatIsInTheWay) {
  EXPECT_TRUE(pool.change({.image = "chat:2"}).has_value());
  EXPECT_EQ(driver->image, "chat:2");
  EXPECT_TRUE(pool.change({}).has_value());
  EXPECT_EQ(driver->image, "");
  EXPECT_EQ(pool.change({.command = "node x"}).error(), "driver docker runs no command");
  driver->in_the_way = "somebody is stopping containers";
  EXPECT_EQ(pool.view(now).trouble, "somebody is stopping containers");
}

}  // namespace
}  // namespace limpet::scaling
