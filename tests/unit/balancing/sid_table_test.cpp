#include "balancing/sid_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

#include "balancing/server_state.h"

namespace limpet::balancing {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr base::TimePoint kStart{};

std::shared_ptr<ServerState> make_server(const std::string& url) {
  return std::make_shared<ServerState>("s", url, 1);
}

TEST(SidTable, FindsWhatItLearned) {
  SidTable table;
  const auto a = make_server("http://a");
  const auto b = make_server("http://b");
  table.learn("lv_VI97HAXpY6yYWAAAC", a, kStart);
  table.learn("other", b, kStart);
  EXPECT_EQ(table.find("lv_VI97HAXpY6yYWAAAC", kStart), a);
  EXPECT_EQ(table.find("other", kStart), b);
  EXPECT_EQ(table.find("unknown", kStart), nullptr);
  EXPECT_EQ(table.find("", kStart), nullptr);
  table.learn("other", a, kStart);
  EXPECT_EQ(table.find("other", kStart), a);
  EXPECT_EQ(table.size(), 2U);
}

TEST(SidTable, FindsNothingBeforeItLearns) {
  SidTable table;
  EXPECT_EQ(table.find("x", kStart), nullptr);
  EXPECT_EQ(table.size(), 0U);
  table.sweep(kStart);
  EXPECT_LT(sizeof(SidTable), 64U) << "a service that sees no session pays for none";
}

TEST(SidTable, ASessionExpiresAfterItsLastUse) {
  SidTable table(minutes(2));
  const auto a = make_server("http://a");
  table.learn("x", a, kStart);
  EXPECT_EQ(table.find("x", kStart + seconds(119)), a);
  EXPECT_EQ(table.find("x", kStart + seconds(238)), a) << "use renews it";
  EXPECT_EQ(table.find("x", kStart + seconds(358)), nullptr);
  table.sweep(kStart + seconds(358));
  EXPECT_EQ(table.size(), 0U);
}

TEST(SidTable, SweepLetsServersGo) {
  SidTable table(minutes(2));
  const auto a = make_server("http://a");
  for (int i = 0; i < 1000; ++i) table.learn(fmt::format("sid-{}", i), a, kStart + seconds(i / 500));
  EXPECT_EQ(a.use_count(), 1001);
  table.sweep(kStart + minutes(2));
  EXPECT_EQ(table.size(), 500U);
  table.sweep(kStart + minutes(3));
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(a.use_count(), 1);
}

TEST(SidTable, IsBoundedAndDropsWhatWasUnusedForLongest) {
  SidTable table(minutes(2), 64 * 4);
  const auto a = make_server("http://a");
  table.learn("kept", a, kStart);
  for (int i = 0; i < 10'000; ++i) {
    table.learn(fmt::format("sid-{}", i), a, kStart);
    ASSERT_EQ(table.find("kept", kStart), a) << i;
  }
  EXPECT_LE(table.size(), 64U * 4);
  EXPECT_EQ(table.find("sid-9999", kStart), a);
  EXPECT_EQ(table.find("sid-0", kStart), nullptr);
}

TEST(SidTable, HoldsASessionsSeatUntilItsEnd) {
  const auto a = make_server("http://a");
  SidTable table(minutes(1));
  const auto begin = [&](std::string_view sid) {
    ASSERT_TRUE(a->try_take_seat(SeatKind::kRequest, 0));
    table.learn(sid, a, kStart, {.seat = Seat(*a, SeatKind::kRequest), .claim = {}});
  };
  begin("silent");
  begin("ended");
  begin("again");
  begin("again");
  EXPECT_EQ(a->seats_taken(), 3U) << "a session has one seat";
  table.end("ended");
  table.end("unknown");
  EXPECT_EQ(a->seats_taken(), 2U);
  EXPECT_EQ(table.find("again", kStart + seconds(30)), a);
  table.sweep(kStart + minutes(1));
  EXPECT_EQ(a->seats_taken(), 1U);
  table.sweep(kStart + seconds(90));
  EXPECT_EQ(a->seats_taken(), 0U);
}

TEST(SidTable, LendsASeatToATunnel) {
  const auto a = make_server("http://a");
  SidTable table(minutes(1));
  ASSERT_TRUE(a->try_take_seat(SeatKind::kRequest, 0));
  table.learn("x", a, kStart, {.seat = Seat(*a, SeatKind::kRequest), .claim = {}});
  SessionHold lent = table.take("x");
  EXPECT_EQ(lent.seat.server(), a.get());
  EXPECT_EQ(table.take("x").seat.server(), nullptr);
  EXPECT_EQ(table.take("y").seat.server(), nullptr);
  table.sweep(kStart + minutes(1));
  EXPECT_EQ(a->seats_taken(), 1U) << "the tunnel keeps it";
  table.learn("x", a, kStart + minutes(1));
  table.give_back("x", std::move(lent), kStart + minutes(1));
  EXPECT_EQ(a->seats_taken(), 1U);
  table.end("x");
  EXPECT_EQ(a->seats_taken(), 0U);

  ASSERT_TRUE(a->try_take_seat(SeatKind::kRequest, 0));
  table.give_back("over", {.seat = Seat(*a, SeatKind::kRequest), .claim = {}}, kStart);
  EXPECT_EQ(a->seats_taken(), 0U);
}

TEST(SidTable, KnowsAClosePacket) {
  EXPECT_TRUE(closes_session("1"));
  EXPECT_TRUE(
      closes_session("42[\"a\"]\x1e"
                     "1"));
  EXPECT_TRUE(closes_session("1:1"));
  EXPECT_FALSE(closes_session("3"));
  EXPECT_FALSE(closes_session(""));
  EXPECT_FALSE(
      closes_session("42[1]\x1e"
                     "41"));
}

TEST(SidTable, IgnoresOverlongSids) {
  SidTable table;
  table.learn(std::string(kMaxSidLength, 'x'), make_server("http://a"), kStart);
  table.learn(std::string(kMaxSidLength + 1, 'x'), make_server("http://a"), kStart);
  table.learn("", make_server("http://a"), kStart);
  EXPECT_EQ(table.size(), 1U);
}

TEST(SidTable, ManyThreadsMayUseIt) {
  SidTable table(minutes(2), 6400);
  const auto a = make_server("http://a");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table, &a, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string sid = fmt::format("{}-{}", t % 2, i);
        table.learn(sid, a, kStart);
        EXPECT_EQ(table.find(sid, kStart), a);
        if (i % 500 == 0) table.sweep(kStart);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(table.size(), 4000U);
}

TEST(FindHandshakeSid, ReadsEveryVersionsPayload) {
  using namespace std::string_view_literals;
  // Engine.IO 4, polling.
  EXPECT_EQ(
      find_handshake_sid(R"(0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000})"),
      "lv_VI97HAXpY6yYWAAAC");
  // Engine.IO 3, polling, as text and as binary with string lengths.
  EXPECT_EQ(find_handshake_sid(R"(97:0{"sid":"abc-DEF_123","upgrades":[]}2:40)"), "abc-DEF_123");
  EXPECT_EQ(find_handshake_sid("\x00\x09\x07\xff"
                               "0{\"sid\":\"x1\"}"sv),
            "x1");
  // Other libraries order and space the members as they like.
  EXPECT_EQ(find_handshake_sid(R"(0{"upgrades": ["websocket"], "sid" : "q-7", "pingTimeout": 20000})"),
            "q-7");
  EXPECT_EQ(find_handshake_sid(R"(0{"upgrades":["sid"],"sid":"q-8"})"), "q-8");
}

TEST(FindHandshakeSid, FindsNothingElsewhere) {
  EXPECT_EQ(find_handshake_sid(""), std::nullopt);
  EXPECT_EQ(find_handshake_sid("0{"), std::nullopt);
  EXPECT_EQ(find_handshake_sid("ok"), std::nullopt);
  EXPECT_EQ(find_handshake_sid(R"({"sid":"abc"})"), std::nullopt);
  EXPECT_EQ(find_handshake_sid(R"(40{"sid":"abc"})"), std::nullopt) << "Socket.IO's connect packet";
  EXPECT_EQ(find_handshake_sid(R"(0{"sid":"")"), std::nullopt);
  EXPECT_EQ(find_handshake_sid(R"(0{"sid":"abc)"), std::nullopt) << "cut off";
  EXPECT_EQ(find_handshake_sid(R"(0{"sid":"a\"c"})"), std::nullopt);
  EXPECT_EQ(find_handshake_sid(R"(0{"sid":17})"), std::nullopt);
  EXPECT_EQ(find_handshake_sid("0{\"sid\":\"" + std::string(kMaxSidLength + 1, 'a') + "\"}"), std::nullopt);
  EXPECT_EQ(find_handshake_sid(std::string(100, ' ') + R"(0{"sid":"abc"})"), std::nullopt);
  EXPECT_EQ(find_handshake_sid("0{" + std::string(600, ' ') + R"("sid":"abc"})"), std::nullopt);
}

}  // namespace
}  // namespace limpet::balancing
