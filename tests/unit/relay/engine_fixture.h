#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/reactor.h"
#include "net/socket.h"
#include "relay/engine.h"
#include "unit/net/connected_pair.h"

namespace limpet::relay {

using net::ConnectedPair;
using net::Fd;
using net::receive_some;
using net::Received;
using net::send_some;
using net::settle;

/// A tunnel and both its users: what each has sent and received.
struct TestTunnel {
  Fd client;
  Fd server;
  Received at_client;
  Received at_server;
  telemetry::TrafficCounters traffic;
  std::optional<TunnelSummary> summary;  ///< once it has ended
  bool owner_alive = true;

  [[nodiscard]] bool ended() const { return summary.has_value(); }
  void receive(std::size_t most = 16 * 1024 * 1024) {
    if (client) receive_some(client, at_client, most);
    if (server) receive_some(server, at_server, most);
  }
};

/// Notes the end of a tunnel where the test finds it.
class TestOwner final : public TunnelOwner {
 public:
  explicit TestOwner(TestTunnel& tunnel) noexcept : tunnel_(tunnel) {}
  TestOwner(const TestOwner&) = delete;
  TestOwner& operator=(const TestOwner&) = delete;
  ~TestOwner() override { tunnel_.owner_alive = false; }
  void closed(const TunnelSummary& summary) noexcept override {
    EXPECT_FALSE(tunnel_.summary.has_value());
    tunnel_.summary = summary;
  }
  [[nodiscard]] bool is_of(const TestTunnel& tunnel) const noexcept { return &tunnel == &tunnel_; }

 private:
  TestTunnel& tunnel_;
};

/// The engines that every test of tunnels runs with.
enum class TestedEngine : std::uint8_t {
  kEpoll,
  kUring,        ///< every tunnel is in the ring from its beginning, whenever it can be
  kUringAfter2,  ///< tunnels change to the ring in the middle of their life, and back
};
inline constexpr auto kTestedEngines = {TestedEngine::kEpoll, TestedEngine::kUring,
                                        TestedEngine::kUringAfter2};
[[nodiscard]] inline std::string tested_engine_name(TestedEngine kind) {
  switch (kind) {
    case TestedEngine::kEpoll:
      return "Epoll";
    case TestedEngine::kUring:
      return "Uring";
    case TestedEngine::kUringAfter2:
      return "UringAfter2";
  }
  return "Unknown";
}

/// An engine in a reactor that the test turns by hand. Skips where the kernel does not allow the engine.
class EngineFixture : public testing::Test {
 protected:
  explicit EngineFixture(TestedEngine kind) {
    constexpr auto kHalfOpen = std::chrono::seconds(1);
    if (kind == TestedEngine::kEpoll) {
      engine = make_epoll_engine(reactor, kHalfOpen);
      return;
    }
    usual_pair = &net::tcp_pair;
    why_not_ = why_no_uring();
    if (!why_not_) engine = make_uring_engine(reactor, kHalfOpen, kind == TestedEngine::kUring ? 0 : 2);
  }
  void SetUp() override {
    if (why_not_) GTEST_SKIP() << "io_uring is not to be had here: " << *why_not_;
  }

  using Adjust = std::function<void(Tunnel&)>;
  TestTunnel* open(ConnectedPair (*make)() = nullptr, const Adjust& adjust = {}) {
    if (make == nullptr) make = usual_pair;
    return open(make(), make(), adjust);
  }
  /// The engine gets `ours` of both pairs, registered like sockets of HTTP connections.
  TestTunnel* open(ConnectedPair client, ConnectedPair server, const Adjust& adjust = {}) {
    TestTunnel* const made = tunnels_.emplace_back(std::make_unique<TestTunnel>()).get();
    made->client = std::move(client.peers);
    made->server = std::move(server.peers);
    Tunnel tunnel;
    net::Socket from_client(reactor, std::move(client.ours), base::Side::kClient);
    net::Socket from_server(reactor, std::move(server.ours), base::Side::kServer);
    tunnel.client = from_client.release();
    tunnel.server = from_server.release();
    tunnel.owner = std::make_unique<TestOwner>(*made);
    tunnel.traffic = &made->traffic;
    if (adjust) adjust(tunnel);
    engine->adopt(std::move(tunnel));
    return made;
  }

  [[nodiscard]] bool turn_until(const std::function<bool()>& done) { return net::turn_until(reactor, done); }
  /// Lets time pass in which nobody does anything. It takes none of the test's.
  void pass(base::Duration duration) {
    for (const base::TimePoint end = reactor.now() + duration; reactor.now() < end;) {
      reactor.skip(kTimeStep);
      reactor.run_once(base::Duration(0));
    }
  }
  [[nodiscard]] bool turn_until_received(TestTunnel& tunnel, std::string_view at_client,
                                         std::string_view at_server) {
    return turn_until([&] {
      tunnel.receive();
      return tunnel.at_client.bytes == at_client && tunnel.at_server.bytes == at_server;
    });
  }
  /// The same while time passes; returns how much did.
  [[nodiscard]] base::Duration pass_until_ended(TestTunnel& tunnel) {
    const base::TimePoint began = reactor.now();
    EXPECT_TRUE(turn_until([&] {
      tunnel.receive();
      reactor.skip(kTimeStep);
      return tunnel.ended();
    }));
    return reactor.now() - began;
  }
  [[nodiscard]] bool turn_until_ended(TestTunnel& tunnel) {
    return turn_until([&] {
      tunnel.receive();
      return tunnel.ended();
    });
  }

  net::Reactor reactor;
  /// What a tunnel's sockets are if the test does not say. The ring takes only TCP.
  ConnectedPair (*usual_pair)() = &net::unix_pair;

 private:
  static constexpr base::Duration kTimeStep = std::chrono::milliseconds(50);

  std::vector<std::unique_ptr<TestTunnel>> tunnels_;
  std::optional<std::string> why_not_;

 protected:
  std::unique_ptr<Engine> engine;  // ends first, and tells the tunnels
};

}  // namespace limpet::relay
