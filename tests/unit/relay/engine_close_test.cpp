#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "relay/engine.h"
#include "relay/tunnel_record.h"
#include "unit/relay/engine_fixture.h"
#include "unit/relay/websocket_frames.h"

namespace limpet::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kGoingAway = 1001;
constexpr std::string_view kClosePayload = "\x03\xe9going away";

class EngineCloseTest : public EngineFixture, public testing::WithParamInterface<TestedEngine> {
 protected:
  EngineCloseTest() : EngineFixture(GetParam()) {}

  void close_all(base::Duration patience = seconds(20)) {
    engine->close({}, kGoingAway, "going away", patience);
  }

  /// The frames that have come to a side once a Close is among them.
  std::vector<Frame> frames_with_close(TestTunnel& tunnel, const Received& at) {
    std::vector<Frame> frames;
    EXPECT_TRUE(turn_until([&] {
      tunnel.receive();
      frames = all_frames(at.bytes);
      return !frames.empty() && frames.back().opcode == 8;
    }));
    return frames;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, EngineCloseTest, testing::ValuesIn(kTestedEngines),
                         [](const auto& info) { return tested_engine_name(info.param); });

TEST_P(EngineCloseTest, BothSidesGetACloseInTheirOwnForm) {
  TestTunnel* const tunnel = open();
  close_all();
  const auto at_client = frames_with_close(*tunnel, tunnel->at_client);
  const auto at_server = frames_with_close(*tunnel, tunnel->at_server);
  ASSERT_EQ(at_client.size(), 1U);
  ASSERT_EQ(at_server.size(), 1U);
  EXPECT_FALSE(at_client[0].masked);
  EXPECT_TRUE(at_server[0].masked);
  EXPECT_EQ(at_client[0].payload, kClosePayload);
  EXPECT_EQ(at_server[0].payload, kClosePayload);
  EXPECT_FALSE(tunnel->ended());
}

TEST_P(EngineCloseTest, EndsWhenThePeersHaveDoneTheirPart) {
  TestTunnel* const tunnel = open();
  close_all();
  frames_with_close(*tunnel, tunnel->at_client);
  frames_with_close(*tunnel, tunnel->at_server);
  // The answers are for us; neither peer must see the other's.
  const std::string echo = encode({.opcode = 8, .masked = true, .payload = std::string(kClosePayload)});
  send_some(tunnel->client, echo);
  send_some(tunnel->server, encode({.opcode = 8, .payload = std::string(kClosePayload)}));
  tunnel->server.reset();
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_client.ended;
  }));
  tunnel->client.reset();
  ASSERT_TRUE(turn_until_ended(*tunnel));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kOrdered);
  EXPECT_EQ(all_frames(tunnel->at_client.bytes).size(), 1U);
  EXPECT_EQ(all_frames(tunnel->at_server.bytes).size(), 1U);
  EXPECT_EQ(tunnel->summary->bytes_to_server, 0U);
}

TEST_P(EngineCloseTest, WaitsForTheEndOfAFrameInTheMiddleOfAMessage) {
  for (const Side from : {kFromClient, kFromServer}) {
    TestTunnel* const tunnel = open();
    const Fd& sender = from == kFromClient ? tunnel->client : tunnel->server;
    Received& at_receiver = from == kFromClient ? tunnel->at_server : tunnel->at_client;
    const std::string begin =
        encode({.fin = false, .opcode = 2, .masked = from == kFromClient, .payload = "begin"});
    const std::string middle = encode(
        {.fin = false, .opcode = 0, .masked = from == kFromClient, .payload = std::string(300'000, 'm')});
    const std::string end = encode({.opcode = 0, .masked = from == kFromClient, .payload = "end"});
    const std::string bytes = begin + middle + end;
    const std::size_t cut = begin.size() + 100'000;
    ASSERT_EQ(send_some(sender, std::string_view(bytes).substr(0, cut)), cut);
    ASSERT_TRUE(turn_until([&] {
      tunnel->receive();
      return at_receiver.bytes.size() == cut;
    }));
    close_all();
    settle(reactor);
    tunnel->receive();
    EXPECT_EQ(at_receiver.bytes.size(), cut);

    std::size_t sent = cut;
    ASSERT_TRUE(turn_until([&] {
      sent += send_some(sender, std::string_view(bytes).substr(sent));
      tunnel->receive();
      return sent == bytes.size();
    }));
    const std::vector<Frame> frames = frames_with_close(*tunnel, at_receiver);
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].payload, "begin");
    EXPECT_EQ(frames[1].payload, std::string(300'000, 'm'));
    EXPECT_EQ(frames[2].opcode, 8);
    EXPECT_EQ(frames[2].masked, from == kFromClient);
    EXPECT_EQ(frames[2].payload, kClosePayload);

    tunnel->client.reset();
    tunnel->server.reset();
    ASSERT_TRUE(turn_until_ended(*tunnel));
    const std::uint64_t counted =
        from == kFromClient ? tunnel->summary->bytes_to_server : tunnel->summary->bytes_to_client;
    EXPECT_EQ(counted, begin.size() + middle.size());
    EXPECT_EQ((from == kFromClient ? tunnel->traffic.bytes_to_server : tunnel->traffic.bytes_to_client),
              counted);
  }
}

TEST_P(EngineCloseTest, CountsTheMessageWhoseEndItWaitedFor) {
  TestTunnel* const tunnel = open();
  const std::string message = encode({.payload = "the last one"});
  send_some(tunnel->server, message.substr(0, 5));
  settle(reactor);
  close_all();
  send_some(tunnel->server, message.substr(5) + encode({.payload = "too late"}));
  const auto frames = frames_with_close(*tunnel, tunnel->at_client);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(tunnel->traffic.messages_to_client, 1U);
  EXPECT_EQ(tunnel->traffic.bytes_to_client, message.size());
}

TEST_P(EngineCloseTest, ComesBehindWhatASlowReceiverHasNotTaken) {
  ConnectedPair client = usual_pair();
  net::limit_socket_buffers(client.ours, client.peers, 4096);
  TestTunnel* const tunnel = open(std::move(client), usual_pair());
  std::string bytes;
  for (int i = 0; i < 40; ++i) bytes += encode({.opcode = 2, .payload = std::string(2000, 'x')});
  ASSERT_EQ(send_some(tunnel->server, bytes), bytes.size());
  settle(reactor);
  close_all();
  const auto frames = frames_with_close(*tunnel, tunnel->at_client);
  ASSERT_EQ(frames.size(), 41U);
  EXPECT_EQ(frames.back().payload, kClosePayload);
}

TEST_P(EngineCloseTest, TakesOnlyThoseThatAreWanted) {
  TestTunnel* const wanted = open();
  TestTunnel* const other = open();
  engine->close(
      [&](const TunnelOwner& owner) { return dynamic_cast<const TestOwner&>(owner).is_of(*wanted); }, 1012,
      "", seconds(20));
  const auto frames = frames_with_close(*wanted, wanted->at_client);
  EXPECT_EQ(frames.back().payload, "\x03\xf4");
  settle(reactor);
  other->receive();
  EXPECT_EQ(other->at_client.bytes, "");
}

TEST_P(EngineCloseTest, ClosesHardWhenPatienceEnds) {
  // The idle timeout would strike sooner, yet is not what counts any more.
  TestTunnel* const tunnel = open(usual_pair, [](Tunnel& made) { made.idle_timeout = seconds(1); });
  pass(milliseconds(900));
  const base::TimePoint began = reactor.now();
  close_all(seconds(2));
  // Talking does not win time.
  ASSERT_TRUE(turn_until([&] {
    send_some(tunnel->client, "x");
    tunnel->receive();
    reactor.skip(milliseconds(50));
    return tunnel->ended();
  }));
  EXPECT_GE(reactor.now() - began, milliseconds(1900));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kOrdered);
}

TEST_P(EngineCloseTest, GivesUpOnAFrameThatDoesNotEnd) {
  TestTunnel* const tunnel = open();
  send_some(tunnel->client, std::string("\x82\x7f\x7f") + std::string(7, '\xff'));
  settle(reactor);
  close_all(seconds(1));
  EXPECT_GE(pass_until_ended(*tunnel), milliseconds(950));
  ASSERT_TRUE(tunnel->ended());
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kOrdered);
}

TEST_P(EngineCloseTest, ClosesTunnelsThatAreNoWebSocketsAtOnce) {
  TestTunnel* const tunnel = open(usual_pair, [](Tunnel& made) { made.websocket = false; });
  close_all();
  ASSERT_TRUE(tunnel->ended());
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kOrdered);
  tunnel->receive();
  EXPECT_EQ(tunnel->at_client.bytes, "");
  EXPECT_TRUE(tunnel->at_client.ended);
}

TEST_P(EngineCloseTest, AHalfClosedTunnelSendsItsCloseToTheSideThatListens) {
  TestTunnel* const tunnel = open();
  ::shutdown(tunnel->client.get(), SHUT_WR);
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_server.ended;
  }));
  close_all();
  const auto frames = frames_with_close(*tunnel, tunnel->at_client);
  EXPECT_EQ(frames.size(), 1U);
  EXPECT_EQ(tunnel->at_server.bytes, "");
}

TEST_P(EngineCloseTest, AfterClosesBothWaysTheFirstEndIsTheEnd) {
  TestTunnel* const tunnel = open();
  send_some(tunnel->client, encode({.opcode = 8, .masked = true, .payload = "\x03\xe8"}));
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return !tunnel->at_server.bytes.empty();
  }));
  send_some(tunnel->server, encode({.opcode = 8, .payload = "\x03\xe8"}));
  ::shutdown(tunnel->server.get(), SHUT_WR);
  // The client has not closed, and need not.
  ASSERT_TRUE(turn_until([&] { return tunnel->ended(); }));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kServer);
  tunnel->receive();
  EXPECT_EQ(all_frames(tunnel->at_client.bytes).size(), 1U);
  EXPECT_TRUE(tunnel->at_client.ended);
}

TEST_P(EngineCloseTest, AnEndBeforeTheAnswerLeavesTheOtherWayOpen) {
  TestTunnel* const tunnel = open();
  send_some(tunnel->server, encode({.opcode = 8, .payload = "\x03\xe8"}));
  ::shutdown(tunnel->server.get(), SHUT_WR);
  settle(reactor);
  EXPECT_FALSE(tunnel->ended());
  send_some(tunnel->client, encode({.opcode = 8, .masked = true, .payload = "\x03\xe8"}));
  EXPECT_TRUE(turn_until([&] {
    tunnel->receive();
    return !tunnel->at_server.bytes.empty();
  }));
}

TEST_P(EngineCloseTest, TheFirstOrderCounts) {
  TestTunnel* const tunnel = open();
  close_all();
  engine->close({}, 1012, "again", seconds(20));
  settle(reactor);
  const auto frames = frames_with_close(*tunnel, tunnel->at_client);
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames[0].payload, kClosePayload);
}

TEST_P(EngineCloseTest, SomeAtATimeEachOnce) {
  constexpr std::size_t kTunnels = 300;  // records of more than one block
  std::vector<TestTunnel*> tunnels;
  for (std::size_t i = 0; i < kTunnels; ++i) tunnels.push_back(open(net::unix_pair(), net::unix_pair()));
  const auto odd = [&](const TunnelOwner& owner) {
    for (std::size_t i = 1; i < kTunnels; i += 2) {
      if (static_cast<const TestOwner&>(owner).is_of(*tunnels[i])) return true;
    }
    return false;
  };
  const auto closing = [&] {
    std::size_t count = 0;
    for (TestTunnel* tunnel : tunnels) {
      tunnel->receive();
      count += tunnel->at_client.bytes.empty() ? 0 : 1;
    }
    return count;
  };
  EXPECT_EQ(engine->count_open(odd), 150U);
  EXPECT_EQ(engine->close_some(1, odd, kGoingAway, "going away", seconds(20)), 1U);
  EXPECT_EQ(engine->close_some(9, odd, kGoingAway, "going away", seconds(20)), 9U);
  EXPECT_EQ(engine->count_open(odd), 140U);
  ASSERT_TRUE(turn_until([&] { return closing() == 10; }));
  EXPECT_EQ(engine->close_some(200, odd, kGoingAway, "going away", seconds(20)), 140U);
  EXPECT_EQ(engine->close_some(200, odd, kGoingAway, "going away", seconds(20)), 0U);
  ASSERT_TRUE(turn_until([&] { return closing() == 150; }));
  for (std::size_t i = 0; i < kTunnels; ++i) {
    EXPECT_EQ(all_frames(tunnels[i]->at_client.bytes).size(), i % 2) << i;
  }
}

}  // namespace
}  // namespace limpet::relay
