#include "providers/docker/docker_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "unit/apis/canned_server.h"
#include "unit/providers/fake_engine.h"

namespace limpet::providers::docker {
namespace {

using namespace std::chrono_literals;
using apis::turn_until;
using testing::HasSubstr;

/// Each publication as "service server ..." with a '-' behind fenced servers, and each failure.
class Recorder final : public Sink {
 public:
  void publish(std::string_view /*provider*/, config::Dynamic configuration,
               base::Diagnostics warnings) override {
    std::string text;
    for (const auto& [name, service] : configuration.services) {
      text += (text.empty() ? "" : " ") + name;
      const auto& servers = std::get<config::LoadBalancer>(service.kind).servers;
      if (servers.empty() || servers.front().fenced) text += '-';
    }
    events.push_back(text);
    last_warnings = warnings.text();
  }
  void failed(std::string_view /*provider*/, base::Diagnostics errors) override {
    events.push_back("failed");
    last_errors = errors.text();
  }
  [[nodiscard]] std::string last() const { return events.empty() ? "nothing" : events.back(); }

  std::vector<std::string> events;
  std::string last_warnings;
  std::string last_errors;
};

class DockerProviderTest : public testing::Test {
 protected:
  void start() {
    settings.endpoint = engine.endpoint();
    auto made = DockerProvider::make(settings, throttle, reactor);
    ASSERT_TRUE(made.has_value()) << made.error().text();
    provider = std::move(*made);
    provider->start(sink);
  }
  ~DockerProviderTest() override {
    bool stopped = false;
    if (provider) net::spawn(stop(stopped));
    EXPECT_TRUE(turn_until(reactor, [&] { return !provider || stopped; }));
    EXPECT_TRUE(turn_until(reactor, [this] { return engine.connections == 0; }));
  }
  net::Task<void> stop(bool& stopped) {
    co_await provider->stop();
    stopped = true;
  }
  /// Turns until the last event is this one.
  void expect_last(const std::string& wanted) {
    EXPECT_TRUE(turn_until(reactor, [&] { return sink.last() == wanted; }))
        << wanted << " instead of " << sink.last();
  }

  net::Reactor reactor;
  FakeEngine engine{reactor};
  config::DockerProvider settings;
  base::Duration throttle = 2s;
  Recorder sink;
  std::unique_ptr<DockerProvider> provider;
};

TEST_F(DockerProviderTest, PublishesWhatIsThereAndWhatComesAndGoes) {
  engine.run("1", "web", {});
  start();
  EXPECT_FALSE(provider->has_reported());
  expect_last("web");
  EXPECT_TRUE(provider->has_reported());
  engine.run("2", "app", {});
  engine.tell("2", "start");
  expect_last("app web");
  engine.containers["1"]["Name"] = "/site";
  engine.tell("1", "rename");
  expect_last("app site");
  engine.containers["2"]["State"]["Health"]["Status"] = "unhealthy";
  engine.tell("2", "health_status: unhealthy");
  expect_last("site");
  engine.tell("1", "die");
  expect_last("");
}

TEST_F(DockerProviderTest, FencesAtTheKillAndNotAtOtherSignals) {
  engine.run("1", "web", {});
  engine.containers["1"]["Config"]["StopSignal"] = "SIGUSR2";
  start();
  expect_last("web");
  const auto publications = sink.events.size();
  engine.tell("1", "kill", "1");
  engine.tell("unknown", "kill", "15");
  engine.tell("1", "kill", "12");
  expect_last("web-");
  EXPECT_EQ(sink.events.size(), publications + 1);
  // It was not to be stopped after all, or a new run of it has begun.
  engine.containers["1"]["State"]["StartedAt"] = "2";
  engine.tell("1", "start");
  expect_last("web");
}

TEST_F(DockerProviderTest, KeepsWhatItKnowsOfARunAcrossAGap) {
  engine.run("1", "web", {});
  start();
  expect_last("web");
  engine.tell("1", "kill", "15");
  expect_last("web-");
  engine.go_away();
  expect_last("failed");
  EXPECT_THAT(sink.last_errors, HasSubstr("providers.docker.endpoint: "));
  engine.run("2", "app", {});
  engine.come_back();
  expect_last("app web-");
  EXPECT_EQ(std::ranges::count(sink.events, "failed"), 1);
}

TEST_F(DockerProviderTest, TakesBurstsTogether) {
  start();
  expect_last("");
  const auto publications = sink.events.size();
  for (int i = 0; i < 30; ++i) {
    const std::string id = fmt::format("{:02}", i);
    engine.run(id, "web" + id, {{"traefik.http.services.all.loadbalancer.server.port", "80"}});
    engine.tell(id, "start");
  }
  expect_last("all");
  EXPECT_TRUE(turn_until(reactor, [this] {
    return std::ranges::count_if(engine.targets,
                                 [](const auto& target) { return target.starts_with("/containers/29"); }) > 0;
  }));
  EXPECT_LT(sink.events.size() - publications, 15U);
}

TEST_F(DockerProviderTest, ReadsAllAgainWhenAsked) {
  start();
  expect_last("");
  engine.run("1", "web", {});
  provider->reload();
  expect_last("web");
}

TEST_F(DockerProviderTest, DoesNotWatchIfItIsNotTo) {
  settings.watch = false;
  engine.run("1", "web", {});
  start();
  expect_last("web");
  engine.run("2", "app", {});
  provider->reload();
  expect_last("app web");
  for (const std::string& target : engine.targets) EXPECT_FALSE(target.starts_with("/events"));
}

TEST_F(DockerProviderTest, KeepsTheServicesOfStoppedContainersThatAskForIt) {
  engine.run("1", "web", {{"traefik.docker.allownonrunning", "true"}});
  start();
  expect_last("web");
  engine.tell("1", "die");
  expect_last("web-");
  engine.containers.erase("1");
  engine.tell("1", "destroy");
  expect_last("");
}

TEST_F(DockerProviderTest, RefusesBrokenSettings) {
  settings.endpoint = "npipe:////./pipe/docker_engine";
  settings.default_rule = "{{ .Foo }}";
  const auto made = DockerProvider::make(settings, throttle, reactor);
  ASSERT_FALSE(made.has_value());
  EXPECT_THAT(made.error().text(), HasSubstr("providers.docker.endpoint: expected unix:///path"));
  EXPECT_THAT(made.error().text(), HasSubstr("providers.docker.defaultRule: expected .Name"));
}

}  // namespace
}  // namespace limpet::providers::docker
