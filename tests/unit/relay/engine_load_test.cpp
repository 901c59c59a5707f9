// The relay engine with much to do: floods, and many tunnels.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "relay/engine.h"
#include "unit/relay/engine_fixture.h"
#include "unit/relay/websocket_frames.h"

namespace limpet::relay {
namespace {

using std::chrono::seconds;

class EngineLoadTest : public EngineFixture, public testing::WithParamInterface<TestedEngine> {
 protected:
  EngineLoadTest() : EngineFixture(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Engines, EngineLoadTest, testing::ValuesIn(kTestedEngines),
                         [](const auto& info) { return tested_engine_name(info.param); });

TEST_P(EngineLoadTest, CarriesFloodsBothWaysWithoutStarvingOthers) {
  constexpr std::size_t kTotal = 24U * 1024 * 1024;
  TestTunnel* const flood = open(&net::tcp_pair);
  TestTunnel* const quiet = open(&net::tcp_pair);
  std::vector<std::thread> threads;
  std::atomic<std::size_t> received[2] = {0, 0};
  std::atomic<int> running{4};
  const Fd* ends[2] = {&flood->client, &flood->server};
  for (std::size_t end = 0; end < 2; ++end) {
    const int fd = ends[end]->get();
    ASSERT_EQ(::fcntl(fd, F_SETFL, 0), 0);
    threads.emplace_back([fd, &running] {
      const std::string bytes(64 * 1024, 'f');
      for (std::size_t sent = 0; sent < kTotal; sent += bytes.size()) {
        if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) break;
      }
      --running;
    });
    threads.emplace_back([fd, &running, &total = received[end]] {
      std::string bytes(64 * 1024, '\0');
      while (total < kTotal) {
        const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
        if (count <= 0) break;
        total += static_cast<std::size_t>(count);
      }
      --running;
    });
  }
  std::size_t echoes = 0;
  bool waiting = false;
  EXPECT_TRUE(net::turn_until(
      reactor,
      [&] {
        if (!waiting) send_some(quiet->client, "x");
        waiting = true;
        quiet->receive();
        if (quiet->at_server.bytes.size() > echoes) {
          ++echoes;
          waiting = false;
        }
        return running == 0;
      },
      seconds(100)));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(received[0], kTotal);
  EXPECT_EQ(received[1], kTotal);
  EXPECT_GT(echoes, 5U);
}

TEST_P(EngineLoadTest, CarriesTwoThousandTunnelsAtOnce) {
  constexpr std::size_t kTunnels = 2000;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit before = limit;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 4 * kTunnels + 100));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 4 * kTunnels + 100) GTEST_SKIP() << "too few descriptors are allowed";

  std::vector<TestTunnel*> tunnels;
  for (std::size_t i = 0; i < kTunnels; ++i) tunnels.push_back(open());
  EXPECT_EQ(engine->open(), kTunnels);
  for (std::size_t i = 0; i < kTunnels; ++i) {
    send_some(tunnels[i]->client, encode({.masked = true, .payload = "to server " + std::to_string(i)}));
    send_some(tunnels[i]->server, encode({.payload = "to client " + std::to_string(i)}));
  }
  ASSERT_TRUE(turn_until([&] {
    std::size_t done = 0;
    for (TestTunnel* tunnel : tunnels) {
      tunnel->receive();
      done += !tunnel->at_client.bytes.empty() && !tunnel->at_server.bytes.empty() ? 1 : 0;
    }
    return done == kTunnels;
  }));
  for (std::size_t i = 0; i < kTunnels; ++i) {
    EXPECT_EQ(all_frames(tunnels[i]->at_server.bytes).front().payload, "to server " + std::to_string(i));
    EXPECT_EQ(all_frames(tunnels[i]->at_client.bytes).front().payload, "to client " + std::to_string(i));
  }
  std::ranges::shuffle(tunnels, std::minstd_rand(6));
  for (std::size_t i = 0; i < kTunnels / 2; ++i) tunnels[i]->client.reset();
  for (std::size_t i = 0; i < kTunnels / 2; ++i) tunnels[i]->server.reset();
  ASSERT_TRUE(turn_until([&] { return engine->open() == kTunnels / 2; }));
  engine->close({}, 1001, "", seconds(1));
  ASSERT_TRUE(turn_until([&] {
    for (std::size_t i = kTunnels / 2; i < kTunnels; ++i) {
      tunnels[i]->receive();
      if (all_frames(tunnels[i]->at_client.bytes).back().opcode == 8) tunnels[i]->client.reset();
      if (all_frames(tunnels[i]->at_server.bytes).back().opcode == 8) tunnels[i]->server.reset();
    }
    return engine->open() == 0;
  }));
  for (std::size_t i = 0; i < kTunnels; ++i) {
    EXPECT_EQ(tunnels[i]->summary->reason, i < kTunnels / 2 ? CloseReason::kClient : CloseReason::kOrdered);
    EXPECT_EQ(tunnels[i]->summary->messages_to_client, 1U);
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace limpet::relay
