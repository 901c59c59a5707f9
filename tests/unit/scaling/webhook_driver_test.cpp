#include "scaling/drivers/webhook_driver.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorded_events.h"
#include "unit/apis/canned_server.h"

namespace limpet::scaling {
namespace {

using namespace std::chrono_literals;
using apis::CannedServer;
using apis::turn_until;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::string_view kTaken = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kWantsTwo = R"({"service": "app@file", "wanted": 2, "servers": []})";

/// A driver and the receiver that it tells; time passes when the test says so.
class WebhookDriverTest : public testing::Test {
 protected:
  ~WebhookDriverTest() override {
    bool over = false;
    net::spawn(stop(over));
    EXPECT_TRUE(turn_until(reactor, [&] { return over && receiver.connections() == 0; }));
  }
  net::Task<void> stop(bool& over) {
    if (driver) co_await driver->stop();
    over = true;
  }

  void start() {
    if (settings.url.empty()) settings.url = receiver.url() + "/scale";
    settings.headers = {{"X-Secret", "s"}};
    driver = std::make_unique<WebhookDriver>(reactor, "app@file", settings, events);
  }
  void order(Order what) { driver->carry_out(what); }
  /// Turns until so many requests have come.
  void until_asked(std::size_t times) {
    EXPECT_TRUE(turn_until(reactor, [&] { return receiver.requests().size() >= times; }));
    EXPECT_THAT(receiver.requests(), SizeIs(times));
  }
  /// Time passes in steps, so that whoever waits meanwhile is woken.
  void pass(base::Duration time) {
    for (base::Duration gone{}; gone < time; gone += 100ms) {
      reactor.skip(100ms);
      reactor.run_once(0ms);
      reactor.run_once(0ms);
    }
  }
  /// Turns until nothing is under way.
  void settle() {
    EXPECT_TRUE(turn_until(reactor, [this] { return receiver.connections() == 0; }));
    for (int i = 0; i < 3; ++i) reactor.run_once(1ms);
  }

  net::Reactor reactor;
  std::vector<std::optional<std::string>> answers;  // in turn; then kTaken
  std::size_t answered = 0;
  CannedServer receiver{reactor, [this](std::string_view) -> std::optional<std::string> {
                          return answered < answers.size() ? answers[answered++] : std::string(kTaken);
                        }};
  RecordedEvents events;
  config::WebhookDriver settings;
  std::unique_ptr<WebhookDriver> driver;
};

TEST_F(WebhookDriverTest, PostsWhatIsWantedOnce) {
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  EXPECT_THAT(receiver.requests()[0],
              AllOf(StartsWith("POST /scale HTTP/1.1\r\n"), HasSubstr("X-Secret: s\r\n"),
                    HasSubstr("Content-Type: application/json\r\n"), EndsWith(kWantsTwo)));
  settle();
  order({.wanted = 2});
  pass(5s);
  EXPECT_THAT(receiver.requests(), SizeIs(1));
  EXPECT_THAT(driver->servers(), SizeIs(2));
  EXPECT_FALSE(driver->publishes());
}

TEST_F(WebhookDriverTest, NamesServersThatDrainAndThoseToStop) {
  start();
  driver->discovered({"http://a", "http://b"});
  order({.stop = {"http://a", "http://unknown"}, .wanted = 1, .drain = {"http://b"}});
  until_asked(1);
  EXPECT_THAT(
      receiver.requests()[0],
      EndsWith(
          R"("servers": [{"url": "http://b", "state": "draining"}, {"url": "http://a", "state": "stop"}]})"));
  driver->discovered({"http://b"});
  EXPECT_THAT(events.gone, ElementsAre(RecordedEvents::Gone{"http://a", true, "is discovered no more"}));
  driver->discovered({});
  EXPECT_THAT(events.gone.back(), (RecordedEvents::Gone{"http://b", false, "is discovered no more"}));
}

TEST_F(WebhookDriverTest, TakesDiscoveredServersForThoseItAskedFor) {
  start();
  driver->discovered({"http://a"});
  order({.launch = 1, .wanted = 2});
  until_asked(1);
  pass(3s);
  driver->discovered({"http://a", "http://b"});
  EXPECT_THAT(events.ready, ElementsAre("http://b"));
  EXPECT_GE(events.start_times.at(0), 3s);
  EXPECT_THAT(driver->servers(), IsEmpty());
  // Nobody asked for this one.
  driver->discovered({"http://a", "http://b", "http://c"});
  EXPECT_THAT(events.ready, SizeIs(1));
}

TEST_F(WebhookDriverTest, FailsWhatIsNotDiscoveredInTime) {
  settings.start_timeout = 10s;
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  pass(9s);
  EXPECT_THAT(events.failed, IsEmpty());
  pass(2s);
  EXPECT_THAT(events.failed, ElementsAre("a server asked for was not discovered within 10s",
                                         "a server asked for was not discovered within 10s"));
  EXPECT_THAT(driver->servers(), IsEmpty());
}

TEST_F(WebhookDriverTest, AsksAgainAfterARefusalAndWaitsLongerEachTime) {
  answers = {"HTTP/1.1 500 No\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "not HTTP\r\n\r\n"};
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  settle();
  pass(300ms);
  EXPECT_THAT(receiver.requests(), SizeIs(1));
  pass(900ms);
  until_asked(2);
  settle();
  pass(1200ms);
  EXPECT_THAT(receiver.requests(), SizeIs(2));
  pass(1s);
  until_asked(3);
  settle();
  pass(4100ms);
  until_asked(4);
  settle();
  pass(1min);
  EXPECT_THAT(receiver.requests(), SizeIs(4));
  EXPECT_THAT(receiver.requests()[3], EndsWith(kWantsTwo));
}

TEST_F(WebhookDriverTest, SendsTheNewestStateAfterARefusal) {
  answers = {"HTTP/1.1 503 Busy\r\n\r\n"};
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  settle();
  order({.launch = 1, .wanted = 3});
  order({.launch = 1, .wanted = 4});
  pass(1100ms);
  until_asked(2);
  EXPECT_THAT(receiver.requests()[1], HasSubstr(R"("wanted": 4)"));
}

TEST_F(WebhookDriverTest, DoesNotCareForTheBodyOfAnAnswer) {
  answers = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"broken\""};
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  settle();
  pass(5s);
  EXPECT_THAT(receiver.requests(), SizeIs(1));
}

TEST_F(WebhookDriverTest, GivesUpAnAnswerThatTakesTooLong) {
  answers = {std::nullopt};
  settings.timeout = 200ms;
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  EXPECT_EQ(receiver.connections(), 1);
  pass(300ms);
  settle();
  pass(1100ms);
  until_asked(2);
}

TEST_F(WebhookDriverTest, AsksAgainWhenNobodyListens) {
  {
    const CannedServer gone(reactor, [](std::string_view) { return std::string(kTaken); });
    settings.url = gone.url();
  }
  start();
  order({.launch = 2, .wanted = 2});
  settle();
  settings.url = receiver.url();
  config::Scaling next;
  next.webhook = settings;
  EXPECT_TRUE(driver->reconfigure(next));
  pass(1100ms);
  until_asked(1);
}

TEST_F(WebhookDriverTest, StopsWhileAnAnswerIsOpen) {
  answers = {std::nullopt};
  start();
  order({.launch = 2, .wanted = 2});
  until_asked(1);
  bool over = false;
  net::spawn(stop(over));
  EXPECT_TRUE(turn_until(reactor, [&over] { return over; }));
  EXPECT_THAT(driver->servers(), IsEmpty());
  config::Scaling other;
  other.process.emplace();
  EXPECT_FALSE(driver->reconfigure(other));
}

}  // namespace
}  // namespace limpet::scaling
