#include "placement/placer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace limpet::placement {
namespace {

using std::chrono::seconds;

/// A service "rooms@file" of two servers of capacity 4 whose keys a webhook places: the test's `answer`,
/// which comes when the test says so.
class PlacerTest : public testing::Test {
 protected:
  PlacerTest() { configure(); }
  ~PlacerTest() override { answer_all(); }

  void configure(config::PlacementPolicy policy = config::PlacementPolicy::kWebhook) {
    config::LoadBalancer settings;
    settings.placement.policy = policy;
    settings.placement.webhook.emplace().fallback = config::PlacementPolicy::kSpread;
    settings.placement.webhook->timeout = timeout;
    std::vector<balancing::Server> servers;
    for (const std::string url : {"http://a", "http://b"}) {
      balancing::Server& server = servers.emplace_back();
      server.state = registry.find_or_add("rooms@file", url);
      server.url = url;
      server.capacity = 4;
      server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x7f000001), 80)};
    }
    service = std::make_unique<balancing::Service>("rooms@file", settings, std::move(servers), nullptr,
                                                   &admissions);
  }

  struct Waits {
    std::vector<std::coroutine_handle<>>& waiting;
    [[nodiscard]] static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const { waiting.push_back(waiter); }
    static void await_resume() noexcept {}
  };
  net::Task<WebhookAnswer> ask(WebhookCall call) {
    questions.push_back(call.question);
    Waits wait{waiting};
    co_await wait;
    co_return answer;
  }
  void answer_all() {
    while (!waiting.empty()) {
      const std::coroutine_handle<> next = waiting.back();
      waiting.pop_back();
      next.resume();
    }
  }

  /// What became of each call of place(), in the order of their ends: the servers, or the failure's number.
  void place(std::vector<Wish> wishes) {
    placer.place(std::move(wishes), [this](std::span<const Wish>, const Placer::Result& result) {
      std::string text;
      if (!result)
        text = fmt::format("failed {} {}", static_cast<int>(result.error().error), result.error().wish);
      for (std::size_t i = 0; result && i < result->size(); ++i) {
        text += (i == 0 ? "" : " ") + (*result)[i].row.url;
      }
      ended.push_back(text);
    });
  }
  static Wish wish(std::string key, std::uint32_t seats = 1) {
    return {.service = "rooms@file", .key = std::move(key), .seats = seats, .ttl = seconds(10)};
  }
  static std::string failure(PlaceError error, std::size_t index) {
    return fmt::format("failed {} {}", static_cast<int>(error), index);
  }
  WebhookCounts counts() const {
    const auto found = placer.counts().find("rooms@file");
    return found == placer.counts().end() ? WebhookCounts{} : found->second;
  }
  balancing::ServerState& state(const std::string& url) { return *registry.find_or_add("rooms@file", url); }

  base::Duration timeout = seconds(5);
  balancing::ServerRegistry registry{1};
  balancing::Admissions admissions;
  std::unique_ptr<balancing::Service> service;
  Ledger ledger{admissions, nullptr,
                [this](std::string_view name) { return name == "rooms@file" ? service.get() : nullptr; }, 0};
  WebhookAnswer answer = std::optional<std::string>("http://b");
  std::vector<std::string> questions;
  std::vector<std::coroutine_handle<>> waiting;
  std::vector<std::string> ended;
  Placer placer{ledger, [this](WebhookCall call) { return ask(std::move(call)); }};
};

TEST_F(PlacerTest, AsksOnceForAKeyWhoeverWantsIt) {
  place({wish("room")});
  place({wish("room")});
  place({wish("other"), wish("room")});
  EXPECT_EQ(questions.size(), 2U);
  EXPECT_TRUE(ended.empty());
  answer_all();
  EXPECT_THAT(ended, testing::UnorderedElementsAre("http://b", "http://b", "http://b http://b"));
  EXPECT_EQ(state("http://b").seats_reserved(), 2U);
  place({wish("room")});
  EXPECT_EQ(questions.size(), 2U) << "the key has a server";
  EXPECT_EQ(ended.back(), "http://b");
  EXPECT_EQ(counts().chosen, 2U);
}

TEST_F(PlacerTest, AsksNobodyWhereNothingIsToBeDecided) {
  Wish named = wish("named");
  named.url = "http://a";
  place({named});
  place({wish("large", 5)});
  configure(config::PlacementPolicy::kPack);
  place({wish("packed")});
  EXPECT_TRUE(questions.empty());
  EXPECT_THAT(ended, testing::ElementsAre("http://a", failure(PlaceError::kAllFull, 0), "http://a"));
}

TEST_F(PlacerTest, FallbackDecidesWhenTheWebhookFails) {
  ASSERT_TRUE(state("http://a").try_reserve(2, 4));
  answer = std::unexpected("it answered 500");
  place({wish("room")});
  answer_all();
  EXPECT_THAT(ended, testing::ElementsAre("http://b"));
  EXPECT_EQ(counts().failed, 1U);
}

TEST_F(PlacerTest, KeyWithoutAPlaceIsRefused) {
  answer = std::optional<std::string>();
  place({wish("x"), wish("y")});
  answer_all();
  EXPECT_EQ(ended.size(), 1U);
  EXPECT_TRUE(ended[0].starts_with(failure(PlaceError::kDeclined, 0).substr(0, 8))) << ended[0];
  EXPECT_EQ(ledger.size(), 0U);
  EXPECT_EQ(counts().declined, 2U);
}

TEST_F(PlacerTest, KeyThatWasPlacedMeanwhileIsNotRefused) {
  answer = std::optional<std::string>();
  place({wish("x")});
  Wish named = wish("x");
  named.url = "http://a";
  place({named});
  answer_all();
  EXPECT_THAT(ended, testing::ElementsAre("http://a", "http://a"));
}

TEST_F(PlacerTest, ServerThatFilledUpMeanwhileIsNeverOversold) {
  place({wish("room", 2)});
  ASSERT_TRUE(state("http://b").try_reserve(3, 4));
  answer_all();
  EXPECT_THAT(ended, testing::ElementsAre("http://a"));
  EXPECT_EQ(counts().full, 1U);
  EXPECT_EQ(state("http://b").seats_in_use(), 3U);
}

TEST_F(PlacerTest, BatchIsPlacedWholeOrNotAtAll) {
  place({wish("x", 3), wish("y", 3), wish("z", 3)});
  answer_all();
  EXPECT_THAT(ended, testing::ElementsAre(failure(PlaceError::kAllFull, 2)));
  EXPECT_EQ(state("http://a").seats_in_use() + state("http://b").seats_in_use(), 0U);
  place({wish("x", 3), wish("y", 3)});
  answer_all();
  EXPECT_EQ(ended.back(), "http://b http://a");
}

TEST_F(PlacerTest, AsksAgainWhenTheServerOfAKeyIsDown) {
  place({wish("room", 3)});
  answer_all();
  state("http://b").set_health(balancing::Health::kDown);
  place({wish("room", 1)});
  EXPECT_THAT(questions.back(), testing::HasSubstr(R"("seats":3,"movedFrom":"http://b")"));
  EXPECT_THAT(questions.back(), testing::Not(testing::HasSubstr(R"("url":"http://b")")));
  answer = std::optional<std::string>("http://a");
  answer_all();
  EXPECT_EQ(ended.back(), "http://a");
}

TEST_F(PlacerTest, ConfigurationMayChangeWhileTheAnswerIsAwaited) {
  place({wish("room")});
  configure(config::PlacementPolicy::kPack);
  answer_all();
  service.reset();
  place({wish("other")});
  EXPECT_THAT(ended, testing::ElementsAre("http://b", failure(PlaceError::kUnknownService, 0)));
}

TEST_F(PlacerTest, FewQuestionsAreUnderWayAtATime) {
  std::vector<Wish> wishes;
  for (std::size_t i = 0; i < Placer::kMostAtOnce + 8; ++i) wishes.push_back(wish(fmt::format("k{}", i), 0));
  place(wishes);
  EXPECT_EQ(questions.size(), Placer::kMostAtOnce);
  answer_all();
  EXPECT_EQ(questions.size(), wishes.size());
  EXPECT_EQ(ended.size(), 1U);
}

TEST_F(PlacerTest, QuestionsThatWaitTooLongAreLeftToTheFallback) {
  timeout = base::Duration(1);
  configure();
  place({wish("late")});
  EXPECT_TRUE(questions.empty());
  EXPECT_THAT(ended, testing::ElementsAre("http://a"));
  EXPECT_EQ(counts().failed, 1U);
}

TEST_F(PlacerTest, StopWaitsForAnswers) {
  net::Reactor reactor;
  bool stopped = false;
  const auto stop = [&]() -> net::Task<void> {
    co_await placer.stop(reactor);
    stopped = true;
  };
  place({wish("room")});
  net::spawn(stop());
  EXPECT_FALSE(stopped);
  place({wish("after")});
  EXPECT_EQ(ended.size(), 1U) << "nobody is asked any more";
  answer_all();
  EXPECT_EQ(ended.size(), 2U);
  for (int i = 0; i < 1000 && !stopped; ++i) reactor.run_once(std::chrono::milliseconds(20));
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace limpet::placement
