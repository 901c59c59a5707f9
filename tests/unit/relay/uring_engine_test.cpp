#include "relay/uring_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "unit/relay/engine_fixture.h"

namespace limpet::relay {
namespace {

constexpr std::size_t kTunnels = 300;  // more than the ring has buffers

class UringEngineTest : public EngineFixture {
 protected:
  UringEngineTest() : EngineFixture(TestedEngine::kUring) {}
};

TEST_F(UringEngineTest, CarriesMoreMessagesAtOnceThanThereAreBuffers) {
  static_assert(kTunnels > Ring::kBuffers);
  std::vector<TestTunnel*> tunnels;
  for (std::size_t i = 0; i < kTunnels; ++i) tunnels.push_back(open());
  settle(reactor);
  for (std::size_t round = 1; round <= 20; ++round) {
    for (TestTunnel* tunnel : tunnels) {
      send_some(tunnel->client, "to the server");
      send_some(tunnel->server, "to the client");
    }
    ASSERT_TRUE(turn_until([&] {
      return std::ranges::all_of(tunnels, [round](TestTunnel* tunnel) {
        tunnel->receive();
        return tunnel->at_server.bytes.size() == 13 * round && tunnel->at_client.bytes.size() == 13 * round;
      });
    }));
  }
}

TEST_F(UringEngineTest, AReceiverThatDoesNotReadHoldsNoBuffers) {
  // As many as would keep every buffer, were they allowed to.
  std::vector<TestTunnel*> stalled;
  for (std::size_t i = 0; i < kTunnels; ++i) {
    ConnectedPair client = net::tcp_pair();
    net::limit_socket_buffers(client.ours, client.peers, 64 * 1024);
    stalled.push_back(open(std::move(client), net::tcp_pair()));
  }
  TestTunnel* const busy = open();
  const std::string message(2000, 'm');
  std::vector<std::size_t> sent(kTunnels);
  for (int round = 0; round < 200; ++round) {
    for (std::size_t i = 0; i < kTunnels; ++i) sent[i] += send_some(stalled[i]->server, message);
    reactor.run_once(base::Duration(0));
  }
  settle(reactor);
  send_some(busy->client, "ping");
  send_some(busy->server, "pong");
  EXPECT_TRUE(turn_until_received(*busy, "pong", "ping"));
  for (std::size_t i = 0; i < kTunnels; ++i) {
    EXPECT_TRUE(turn_until([&] {
      stalled[i]->receive();
      return stalled[i]->at_client.bytes.size() == sent[i];
    })) << i;
  }
}

class GatheringTest : public EngineFixture {
 protected:
  GatheringTest() : EngineFixture(TestedEngine::kUring) {}
  void SetUp() override {
    EngineFixture::SetUp();
    if (IsSkipped()) return;
    if (const auto why_not = why_no_batch_delay(EngineKind::kUring)) GTEST_SKIP() << *why_not;
    engine = nullptr;
    engine = make_uring_engine(reactor, kHalfOpenTimeout, 0, std::chrono::milliseconds(1));
  }
};

TEST_F(GatheringTest, BringsEveryMessageManyAtATime) {
  std::vector<TestTunnel*> tunnels;
  for (std::size_t i = 0; i < kTunnels; ++i) tunnels.push_back(open());
  settle(reactor);
  for (std::size_t round = 1; round <= 50; ++round) {
    for (TestTunnel* tunnel : tunnels) send_some(tunnel->client, "to the server");
    ASSERT_TRUE(turn_until([&] {
      return std::ranges::all_of(tunnels, [round](TestTunnel* tunnel) {
        tunnel->receive();
        return tunnel->at_server.bytes.size() == 13 * round;
      });
    }));
  }
  // One alone, right after many: it comes although no others follow.
  send_some(tunnels.front()->server, "alone");
  EXPECT_TRUE(turn_until([&] {
    tunnels.front()->receive();
    return tunnels.front()->at_client.bytes == "alone";
  }));
}

TEST_F(UringEngineTest, EndsOnAnotherThreadThanItRanOn) {
  std::vector<TestTunnel*> tunnels;
  for (std::size_t i = 0; i < kTunnels; ++i) tunnels.push_back(open());
  std::thread thread([this] { reactor.run(); });
  for (TestTunnel* tunnel : tunnels) send_some(tunnel->client, "x");
  const auto end = base::Clock::now() + std::chrono::seconds(20);
  while (tunnels.back()->at_server.bytes.empty() && base::Clock::now() < end) {
    tunnels.back()->receive();
    std::this_thread::yield();
  }
  reactor.stop();
  thread.join();
  engine.reset();
  for (TestTunnel* tunnel : tunnels) {
    ASSERT_TRUE(tunnel->ended());
    tunnel->receive();
    EXPECT_TRUE(tunnel->at_client.ended || tunnel->at_client.error != 0);
  }
}

}  // namespace
}  // namespace limpet::relay
