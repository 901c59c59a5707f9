#include "relay/engine.h"
#include "relay/tunnel_record.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>

#include "unit/relay/engine_fixture.h"
#include "unit/relay/websocket_frames.h"

namespace limpet::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string random_bytes(std::size_t size, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8U);
  return bytes;
}

class EngineTest : public EngineFixture, public testing::WithParamInterface<TestedEngine> {
 protected:
  EngineTest() : EngineFixture(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Engines, EngineTest, testing::ValuesIn(kTestedEngines),
                         [](const auto& info) { return tested_engine_name(info.param); });

/// The same over both kinds of stream.
using MakePair = ConnectedPair (*)();
class EngineStreamTest : public EngineFixture,
                         public testing::WithParamInterface<std::tuple<TestedEngine, MakePair>> {
 protected:
  EngineStreamTest() : EngineFixture(std::get<TestedEngine>(GetParam())) {}
  [[nodiscard]] static MakePair make_pair() { return std::get<MakePair>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Engines, EngineStreamTest,
                         testing::Combine(testing::ValuesIn(kTestedEngines),
                                          testing::Values(&net::unix_pair, &net::tcp_pair)),
                         [](const auto& info) {
                           return tested_engine_name(std::get<TestedEngine>(info.param)) +
                                  (std::get<MakePair>(info.param) == &net::unix_pair ? "OverUnix"
                                                                                     : "OverTcp");
                         });

TEST_P(EngineStreamTest, CarriesBytesBothWays) {
  TestTunnel* const tunnel = open(make_pair());
  EXPECT_EQ(engine->open(), 1U);
  send_some(tunnel->client, "from the client");
  send_some(tunnel->server, "from the server");
  EXPECT_TRUE(turn_until_received(*tunnel, "from the server", "from the client"));
  send_some(tunnel->client, ", again");
  EXPECT_TRUE(turn_until_received(*tunnel, "from the server", "from the client, again"));
  EXPECT_EQ(tunnel->traffic.tunnels, 1U);
  EXPECT_EQ(tunnel->traffic.bytes_to_server, 22U);
  EXPECT_EQ(tunnel->traffic.bytes_to_client, 15U);
  EXPECT_FALSE(tunnel->ended());
}

TEST_P(EngineStreamTest, CarriesBytesThatCameBeforeTheTunnel) {
  ConnectedPair client = make_pair()();
  ConnectedPair server = make_pair()();
  send_some(client.peers, "early from the client");
  send_some(server.peers, "early from the server");
  settle(reactor);
  TestTunnel* const tunnel = open(std::move(client), std::move(server));
  EXPECT_TRUE(turn_until_received(*tunnel, "early from the server", "early from the client"));
}

TEST_P(EngineStreamTest, EarlyBytesGoFirstAndTheHeadDoesNotCount) {
  ConnectedPair client = make_pair()();
  ConnectedPair server = make_pair()();
  const std::string first = encode({.masked = true, .payload = "1"});
  const std::string second = encode({.masked = true, .payload = "2"});
  const std::string hello = encode({.payload = "hello"});
  const std::string world = encode({.payload = "world"});
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
  send_some(client.peers, second);
  send_some(server.peers, world);
  TestTunnel* const tunnel = open(std::move(client), std::move(server), [&](Tunnel& made) {
    made.early_to_client = head + hello;
    made.uncounted_to_client = head.size();
    made.early_to_server = first;
  });
  EXPECT_TRUE(turn_until_received(*tunnel, head + hello + world, first + second));
  EXPECT_EQ(tunnel->traffic.bytes_to_client, hello.size() + world.size());
  EXPECT_EQ(tunnel->traffic.bytes_to_server, first.size() + second.size());
  EXPECT_EQ(tunnel->traffic.messages_to_client, 2U);
  EXPECT_EQ(tunnel->traffic.messages_to_server, 2U);
}

TEST_P(EngineStreamTest, EndsWhenBothSidesHaveClosed) {
  TestTunnel* const tunnel = open(make_pair());
  send_some(tunnel->client, "bye");
  tunnel->client.reset();
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_server.ended;
  }));
  EXPECT_EQ(tunnel->at_server.bytes, "bye");
  EXPECT_FALSE(tunnel->ended());
  tunnel->server.reset();
  ASSERT_TRUE(turn_until_ended(*tunnel));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kClient);
  EXPECT_EQ(tunnel->summary->bytes_to_server, 3U);
  EXPECT_FALSE(tunnel->owner_alive);
  EXPECT_EQ(engine->open(), 0U);
}

TEST_P(EngineStreamTest, TheSideThatClosesFirstIsTheReason) {
  TestTunnel* const tunnel = open(make_pair());
  tunnel->server.reset();
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_client.ended;
  }));
  tunnel->client.reset();
  ASSERT_TRUE(turn_until_ended(*tunnel));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kServer);
}

TEST_P(EngineStreamTest, AnEndThatCameBeforeTheTunnelIsSeen) {
  ConnectedPair client = make_pair()();
  ConnectedPair server = make_pair()();
  send_some(client.peers, "short visit");
  client.peers.reset();
  settle(reactor);
  TestTunnel* const tunnel = open(std::move(client), std::move(server));
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_server.ended;
  }));
  EXPECT_EQ(tunnel->at_server.bytes, "short visit");
}

TEST_P(EngineTest, AfterAHalfCloseTheOtherDirectionGoesOn) {
  for (const bool client_closes : {true, false}) {
    TestTunnel* const tunnel = open(&net::tcp_pair);
    const Fd& closing = client_closes ? tunnel->client : tunnel->server;
    const Fd& talking = client_closes ? tunnel->server : tunnel->client;
    Received& at_closing = client_closes ? tunnel->at_client : tunnel->at_server;
    Received& at_talking = client_closes ? tunnel->at_server : tunnel->at_client;
    send_some(closing, "that is all");
    ::shutdown(closing.get(), SHUT_WR);
    ASSERT_TRUE(turn_until([&] {
      tunnel->receive();
      return at_talking.ended;
    }));
    EXPECT_EQ(at_talking.bytes, "that is all");
    // Much longer than the half-open timeout, which counts silence.
    for (int i = 0; i < 6; ++i) {
      send_some(talking, "x");
      ASSERT_TRUE(turn_until([&] {
        tunnel->receive();
        return at_closing.bytes.size() == static_cast<std::size_t>(i + 1);
      }));
      pass(milliseconds(600));
    }
    EXPECT_FALSE(tunnel->ended());
    ::shutdown(talking.get(), SHUT_WR);
    ASSERT_TRUE(turn_until_ended(*tunnel));
    ASSERT_TRUE(turn_until([&] {
      tunnel->receive();
      return at_closing.ended;
    }));
    EXPECT_EQ(tunnel->summary->reason, client_closes ? CloseReason::kClient : CloseReason::kServer);
  }
}

TEST_P(EngineTest, AHalfOpenTunnelThatStaysSilentIsClosed) {
  TestTunnel* const tunnel = open(&net::tcp_pair);
  ::shutdown(tunnel->client.get(), SHUT_WR);
  EXPECT_GE(pass_until_ended(*tunnel), milliseconds(950));
  ASSERT_TRUE(tunnel->ended());
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kHalfOpen);
  EXPECT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_client.ended && tunnel->at_server.ended;
  }));
}

TEST_P(EngineTest, AnIdleTunnelIsClosedAndABusyOneIsNot) {
  const auto limit = [](Tunnel& made) { made.idle_timeout = seconds(1); };
  TestTunnel* const idle = open(&net::tcp_pair, limit);
  TestTunnel* const busy = open(&net::tcp_pair, limit);
  TestTunnel* const unlimited = open(&net::tcp_pair);
  for (std::size_t words = 1; words <= 13; ++words) {
    send_some(busy->server, "x");
    ASSERT_TRUE(turn_until([&] {
      busy->receive();
      return busy->at_client.bytes.size() == words;
    }));
    pass(milliseconds(300));
  }
  ASSERT_TRUE(idle->ended());
  EXPECT_EQ(idle->summary->reason, CloseReason::kIdle);
  EXPECT_FALSE(busy->ended());
  EXPECT_FALSE(unlimited->ended());
  EXPECT_GE(pass_until_ended(*busy), milliseconds(600));
  ASSERT_TRUE(busy->ended());
  EXPECT_EQ(busy->summary->reason, CloseReason::kIdle);
}

TEST_P(EngineStreamTest, ASenderIsHeldUpWhileItsReceiverDoesNotRead) {
  ConnectedPair client = make_pair()();
  ConnectedPair server = make_pair()();
  net::limit_socket_buffers(server.peers, server.ours, 128 * 1024);
  net::limit_socket_buffers(client.ours, client.peers, 128 * 1024);
  TestTunnel* const tunnel = open(std::move(client), std::move(server));
  const std::string bytes = random_bytes(8 * 1024 * 1024, 1);
  std::size_t sent = 0;
  int quiet = 0;
  ASSERT_TRUE(turn_until([&] {
    const std::size_t now = send_some(tunnel->server, std::string_view(bytes).substr(sent));
    quiet = now == 0 ? quiet + 1 : 0;
    sent += now;
    return quiet > 100;
  }));
  // One buffer of ours, and what four buffers of the kernel hold, which doubles what it is told.
  EXPECT_LT(sent, 256U * 1024 + 4U * 2 * 128 * 1024);
  // The other direction is not held up.
  send_some(tunnel->client, "meanwhile");
  ASSERT_TRUE(turn_until([&] {
    receive_some(tunnel->server, tunnel->at_server);
    return tunnel->at_server.bytes == "meanwhile";
  }));
  ASSERT_TRUE(turn_until([&] {
    sent += send_some(tunnel->server, std::string_view(bytes).substr(sent));
    receive_some(tunnel->client, tunnel->at_client, 50'000);
    return tunnel->at_client.bytes.size() == bytes.size();
  }));
  EXPECT_TRUE(tunnel->at_client.bytes == bytes);
  EXPECT_EQ(tunnel->traffic.bytes_to_client, bytes.size());
}

TEST_P(EngineStreamTest, WhatASenderSaidBeforeItsEndReachesASlowReceiver) {
  TestTunnel* const tunnel = open(make_pair());
  const std::string bytes = random_bytes(64 * 1024, 2);
  std::string said;
  int quiet = 0;
  ASSERT_TRUE(turn_until([&] {
    const std::size_t sent = send_some(tunnel->server, bytes);
    said += std::string_view(bytes).substr(0, sent);
    quiet = sent == 0 ? quiet + 1 : 0;
    return quiet > 100;
  }));
  tunnel->server.reset();
  settle(reactor);
  ASSERT_TRUE(turn_until([&] {
    receive_some(tunnel->client, tunnel->at_client, 100'000);
    return tunnel->at_client.ended;
  }));
  EXPECT_TRUE(tunnel->at_client.bytes == said);
}

TEST_P(EngineStreamTest, PassesAnythingUnchanged) {
  TestTunnel* const tunnel = open(make_pair());
  const std::string up = random_bytes(3'000'000, 3);
  const std::string down = random_bytes(3'000'000, 4);
  std::size_t up_sent = 0;
  std::size_t down_sent = 0;
  ASSERT_TRUE(turn_until([&] {
    up_sent += send_some(tunnel->client, std::string_view(up).substr(up_sent, 70'000));
    down_sent += send_some(tunnel->server, std::string_view(down).substr(down_sent, 90'000));
    tunnel->receive();
    return tunnel->at_server.bytes.size() == up.size() && tunnel->at_client.bytes.size() == down.size();
  }));
  EXPECT_TRUE(tunnel->at_server.bytes == up);
  EXPECT_TRUE(tunnel->at_client.bytes == down);
  EXPECT_EQ(tunnel->traffic.bytes_to_server, up.size());
  EXPECT_EQ(tunnel->traffic.bytes_to_client, down.size());
}

TEST_P(EngineStreamTest, CountsMessagesAndBytesExactly) {
  TestTunnel* const tunnel = open(make_pair());
  std::minstd_rand random(5);
  std::string stream[2];
  std::uint64_t messages[2] = {0, 0};
  for (int i = 0; i < 4000; ++i) {
    const std::size_t from = random() % 2;
    const bool fin = random() % 3 != 0;
    const auto opcode = static_cast<std::uint8_t>(random() % 5 == 0 ? 9 : random() % 3);
    const std::size_t size = random() % 40 == 0 ? random() % 70'000 : random() % 200;
    stream[from] += encode(
        {.fin = fin, .opcode = opcode, .masked = from == kFromClient, .payload = std::string(size, 'x')});
    messages[from] += fin && opcode < 8 ? 1 : 0;
  }
  std::size_t sent[2] = {0, 0};
  ASSERT_TRUE(turn_until([&] {
    for (const Side from : {kFromClient, kFromServer}) {
      const Fd& fd = from == kFromClient ? tunnel->client : tunnel->server;
      sent[from] += send_some(fd, std::string_view(stream[from]).substr(sent[from], random() % 30'000));
    }
    tunnel->receive();
    return tunnel->at_server.bytes.size() == stream[kFromClient].size() &&
           tunnel->at_client.bytes.size() == stream[kFromServer].size();
  }));
  tunnel->client.reset();
  tunnel->server.reset();
  ASSERT_TRUE(turn_until_ended(*tunnel));
  EXPECT_EQ(tunnel->summary->messages_to_server, messages[kFromClient]);
  EXPECT_EQ(tunnel->summary->messages_to_client, messages[kFromServer]);
  EXPECT_EQ(tunnel->summary->bytes_to_server, stream[kFromClient].size());
  EXPECT_EQ(tunnel->summary->bytes_to_client, stream[kFromServer].size());
  EXPECT_EQ(tunnel->traffic.messages_to_server, messages[kFromClient]);
  EXPECT_EQ(tunnel->traffic.messages_to_client, messages[kFromServer]);
}

TEST_P(EngineTest, CountsNoMessagesWithoutWebSockets) {
  TestTunnel* const tunnel = open(usual_pair, [](Tunnel& made) { made.websocket = false; });
  const std::string frame = encode({.payload = "looks like one"});
  send_some(tunnel->client, frame);
  EXPECT_TRUE(turn_until_received(*tunnel, "", frame));
  EXPECT_EQ(tunnel->traffic.messages_to_server, 0U);
  EXPECT_EQ(tunnel->traffic.bytes_to_server, frame.size());
}

TEST_P(EngineTest, AResetEndsTheTunnelAtOnce) {
  TestTunnel* const by_client = open(&net::tcp_pair);
  TestTunnel* const by_server = open(&net::tcp_pair);
  net::reset_connection(by_client->client);
  net::reset_connection(by_server->server);
  ASSERT_TRUE(turn_until_ended(*by_client));
  ASSERT_TRUE(turn_until_ended(*by_server));
  EXPECT_EQ(by_client->summary->reason, CloseReason::kClientReset);
  EXPECT_EQ(by_server->summary->reason, CloseReason::kServerReset);
  EXPECT_TRUE(turn_until([&] {
    by_client->receive();
    by_server->receive();
    return by_client->at_server.ended && by_server->at_client.ended;
  }));
}

TEST_P(EngineTest, AnEndRightBehindAMessageIsSeen) {
  for (const bool reset : {false, true}) {
    TestTunnel* const tunnel = open(&net::tcp_pair);
    for (int i = 0; i < 5; ++i) {
      send_some(tunnel->client, "x");
      settle(reactor);
    }
    send_some(tunnel->client, "last words");
    if (reset) {
      net::reset_connection(tunnel->client);
    } else {
      ::shutdown(tunnel->client.get(), SHUT_WR);
    }
    EXPECT_TRUE(turn_until([&] {
      tunnel->receive();
      return tunnel->at_server.ended;
    }));
  }
}

TEST_P(EngineTest, AResetOfTheReceiverEndsTheTunnelAtOnce) {
  TestTunnel* const tunnel = open(&net::tcp_pair);
  net::reset_connection(tunnel->server);
  send_some(tunnel->client, "anyone there?");
  ASSERT_TRUE(turn_until_ended(*tunnel));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kServerReset);
}

TEST_P(EngineTest, AClientThatClosedAndIsThenTalkedToCountsAsClosed) {
  TestTunnel* const tunnel = open(&net::tcp_pair);
  send_some(tunnel->client, "bye");
  tunnel->client.reset();
  ASSERT_TRUE(turn_until([&] {
    tunnel->receive();
    return tunnel->at_server.ended;
  }));
  // The client's kernel answers what comes now with a reset.
  const base::TimePoint began = base::Clock::now();
  ASSERT_TRUE(turn_until([&] {
    if (!tunnel->ended()) send_some(tunnel->server, "still there?");
    return tunnel->ended();
  }));
  EXPECT_LT(base::Clock::now() - began, milliseconds(900));
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kClient);
  EXPECT_EQ(tunnel->at_server.bytes, "bye");
}

TEST_P(EngineTest, ATunnelMayEndBeforeItIsAdopted) {
  ConnectedPair client = net::tcp_pair();
  ConnectedPair server = net::tcp_pair();
  net::reset_connection(client.peers);
  ::shutdown(server.peers.get(), SHUT_WR);
  settle(reactor);
  TestTunnel* const tunnel = open(std::move(client), std::move(server),
                                  [](Tunnel& made) { made.early_to_client = "HTTP/1.1 101\r\n\r\n"; });
  EXPECT_TRUE(tunnel->ended());
  EXPECT_EQ(engine->open(), 0U);
}

TEST_P(EngineTest, ClosesWhatIsLeftAtItsEnd) {
  TestTunnel* const tunnel = open();
  engine.reset();
  ASSERT_TRUE(tunnel->ended());
  EXPECT_EQ(tunnel->summary->reason, CloseReason::kOrdered);
  tunnel->receive();
  EXPECT_TRUE(tunnel->at_client.ended);
  EXPECT_TRUE(tunnel->at_server.ended);
}

TEST(CloseReasonName, NamesEveryReason) {
  EXPECT_EQ(close_reason_name(CloseReason::kClient), "client");
  EXPECT_EQ(close_reason_name(CloseReason::kHalfOpen), "half-open");
  EXPECT_EQ(close_reason_name(CloseReason::kOrdered), "ordered");
}

}  // namespace
}  // namespace limpet::relay
