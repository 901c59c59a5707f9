#include "scaling/drivers/process_driver.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "recorded_events.h"

namespace limpet::scaling {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// What a server does at its first connections is in the words after the port.
constexpr std::string_view kServer = R"(/usr/bin/python3 -S -c '
import signal, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
asked = 0
while True:
    peer = listener.accept()[0]
    asked += 1
    if "short-lived" in sys.argv:
        time.sleep(0.3)
        print("bye", flush=True)
        sys.exit(7)
    if "http" in sys.argv:
        peer.recv(1000)
        print("asked", asked, flush=True)
        status = b"503 Not yet" if asked < 2 else b"204 Yes"
        peer.send(b"HTTP/1.1 " + status + b"\r\n\r\n")
    peer.close()
' {port})";

/// Real processes on real ports.
class ProcessDriverTest : public testing::Test {
 protected:
  ProcessDriverTest() {
    settings.command = kServer;
    // Beside those of tests that run at the same time, and below those that the kernel gives out.
    const int first = 10'000 + ::getpid() % 1000 * 20;
    settings.ports = fmt::format("{}-{}", first, first + 19);
    settings.stop_timeout = 10s;
  }
  ~ProcessDriverTest() override {
    bool over = driver == nullptr;
    if (driver) net::spawn(stop(over));
    until([&over] { return over; });
  }
  net::Task<void> stop(bool& over) {
    co_await driver->stop();
    over = true;
  }

  void launch(std::uint32_t count) {
    if (!driver) driver = std::make_unique<ProcessDriver>(reactor, "app@file", settings, events);
    driver->carry_out({.launch = count, .wanted = count});
  }
  void launch_ready(std::uint32_t count) {
    launch(count);
    until([&] { return events.ready.size() == count; });
  }
  template <class Condition>
  void until(Condition condition) {
    const auto deadline = base::Clock::now() + 30s;
    while (!condition() && base::Clock::now() < deadline) reactor.run_once(10ms);
    EXPECT_TRUE(condition());
  }
  void until_failure() {
    until([this] { return !events.failed.empty(); });
  }
  void until_gone() {
    until([this] { return !events.gone.empty(); });
  }

  net::Reactor reactor;
  RecordedEvents events;
  config::ProcessDriver settings;
  std::unique_ptr<ProcessDriver> driver;
};

TEST_F(ProcessDriverTest, GivesEachServerANameAndAPortOfItsOwn) {
  launch_ready(2);
  const auto servers = driver->servers();
  ASSERT_THAT(servers, SizeIs(2));
  EXPECT_EQ(servers[0].name, "app-1");
  EXPECT_EQ(servers[1].name, "app-2");
  EXPECT_NE(servers[0].url, servers[1].url);
  EXPECT_THAT(servers[0].url, StartsWith("http://127.0.0.1:"));
  EXPECT_EQ(servers[0].state, DrivenServer::State::kReady);
  EXPECT_THAT(events.ready, testing::UnorderedElementsAre(servers[0].url, servers[1].url));
  EXPECT_GT(events.start_times.at(0), 0ms);
  EXPECT_TRUE(driver->publishes());
}

TEST_F(ProcessDriverTest, TellsServersWhoTheyAre) {
  settings.command = R"(sh -c 'echo "$PORT $LIMPET_SERVICE $LIMPET_SERVER $OWN ${HOME-none}"; exit 3')";
  settings.env = {{"OWN", "at {port}"}, {"HOME", ""}};
  launch(1);
  until_failure();
  const std::string first = settings.ports.substr(0, settings.ports.find('-'));
  EXPECT_THAT(events.failed,
              ElementsAre(fmt::format(
                  "app-1 ended: exit status 3, its last line: {0} app@file app-1 at {0} none", first)));
  EXPECT_THAT(driver->servers(), IsEmpty());
}

TEST_F(ProcessDriverTest, SaysWhyACommandCannotBeRun) {
  settings.command = "/no/such/program";
  launch(1);
  until_failure();
  EXPECT_THAT(events.failed, ElementsAre("app-1 ended: exit status 127, its last line: can't start "
                                         "/no/such/program: No such file or directory"));
}

TEST_F(ProcessDriverTest, AsksUntilAServerSaysThatItIsReady) {
  settings.command += " http";
  settings.ready_path = "/health";
  launch_ready(1);
  driver->carry_out({.stop = events.ready});
  until_gone();
  EXPECT_THAT(events.failed, IsEmpty());
  // A refusal came first, and a pause.
  EXPECT_GE(events.start_times.at(0), 20ms);
}

TEST_F(ProcessDriverTest, GivesUpAServerThatDoesNotBecomeReady) {
  settings.command = "sleep 1000";
  settings.ready_timeout = 100ms;
  launch(1);
  until_failure();
  EXPECT_THAT(events.failed, ElementsAre("app-1 was not ready within 100ms"));
}

TEST_F(ProcessDriverTest, StopsAServerByItsSignal) {
  launch_ready(1);
  driver->carry_out({.stop = events.ready});
  EXPECT_EQ(driver->servers().at(0).state, DrivenServer::State::kStopping);
  until_gone();
  EXPECT_THAT(events.gone, ElementsAre(RecordedEvents::Gone{events.ready[0], true, "killed by SIGTERM"}));
  EXPECT_THAT(driver->servers(), IsEmpty());
}

TEST_F(ProcessDriverTest, KillsAServerThatIgnoresItsSignal) {
  settings.command += " stubborn";
  settings.stop_timeout = 100ms;
  launch_ready(1);
  driver->carry_out({.stop = events.ready});
  until_gone();
  EXPECT_THAT(events.gone, ElementsAre(RecordedEvents::Gone{events.ready[0], true, "killed by SIGKILL"}));
}

TEST_F(ProcessDriverTest, TellsOfAServerThatEndsByItself) {
  settings.command += " short-lived";
  launch_ready(1);
  until_gone();
  EXPECT_THAT(events.gone, ElementsAre(RecordedEvents::Gone{
                               events.ready[0], false, "app-1 ended: exit status 7, its last line: bye"}));
  EXPECT_THAT(events.failed, IsEmpty());
}

TEST_F(ProcessDriverTest, FailsWhenNoPortIsLeft) {
  settings.ports = settings.ports.substr(0, settings.ports.find('-'));
  launch(2);
  EXPECT_THAT(events.failed,
              ElementsAre(HasSubstr("no port of scaling.process.ports (" + settings.ports + ") is free")));
  until([this] { return events.ready.size() == 1; });
  EXPECT_THAT(events.ready, ElementsAre(EndsWith(":" + settings.ports)));
}

TEST_F(ProcessDriverTest, KeepsServersOfEarlierSettingsAndTellsThemApart) {
  launch_ready(1);
  config::Scaling next;
  next.process = settings;
  next.process->env["NEW"] = "yes";
  EXPECT_TRUE(driver->reconfigure(next));
  launch(1);
  until([this] { return events.ready.size() == 2; });
  const auto servers = driver->servers();
  EXPECT_FALSE(servers.at(0).current);
  EXPECT_TRUE(servers.at(1).current);
  next.process.reset();
  next.webhook.emplace();
  EXPECT_FALSE(driver->reconfigure(next));
}

TEST_F(ProcessDriverTest, LaunchesNothingOnceItStops) {
  launch_ready(1);
  bool over = false;
  net::spawn(stop(over));
  driver->carry_out({.launch = 1, .wanted = 1});
  until([&over] { return over; });
  EXPECT_THAT(events.gone, ElementsAre(RecordedEvents::Gone{events.ready[0], true, "killed by SIGTERM"}));
  EXPECT_THAT(driver->servers(), IsEmpty());
}

}  // namespace
}  // namespace limpet::scaling
