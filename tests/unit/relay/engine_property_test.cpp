#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/socket.h"
#include "relay/engine.h"
#include "unit/relay/engine_fixture.h"

namespace limpet::relay {
namespace {

/// What one user of a tunnel has done and seen.
struct User {
  net::Fd fd;
  std::string sent;
  net::Received received;
  bool closed = false;  ///< its own direction
  bool gone = false;    ///< reset: nothing more can be said of either direction
};

constexpr std::size_t kMostBytes = 1'500'000;
constexpr std::size_t kPeriod = 251;

/// Bytes that differ from their neighbours, repeating after `kPeriod`; made once, as making them costs more
/// than sending them.
std::string_view endless_bytes() {
  static const std::string bytes = [] {
    std::string made(kPeriod + kMostBytes, '\0');
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<char>(i % kPeriod);
    return made;
  }();
  return bytes;
}

/// A tunnel with two users who do as they like.
class WildTunnel {
 public:
  void adopt_into(Engine& engine, net::Reactor& reactor) {
    Tunnel tunnel;
    tunnel.client = join(reactor, 0, base::Side::kClient);
    tunnel.server = join(reactor, 1, base::Side::kServer);
    tunnel.owner = std::make_unique<Owner>(*this);
    tunnel.traffic = &traffic_;
    // Contents are arbitrary, so the frames that the scanner sees are, too.
    tunnel.websocket = *rc::gen::arbitrary<bool>();
    engine.adopt(std::move(tunnel));
  }

  void send(std::size_t side, std::size_t size) {
    User& user = users_[side];
    if (user.gone || user.closed) return;
    const std::string_view bytes = endless_bytes().substr(next_, size);
    next_ = (next_ + size) % kPeriod;
    user.sent += bytes.substr(0, net::send_some(user.fd, bytes));
  }
  void receive(std::size_t side, std::size_t most) {
    User& user = users_[side];
    if (!user.gone) net::receive_some(user.fd, user.received, most);
  }
  void close(std::size_t side) {
    User& user = users_[side];
    if (user.gone || std::exchange(user.closed, true)) return;
    ::shutdown(user.fd.get(), SHUT_WR);
  }
  void reset(std::size_t side) {
    User& user = users_[side];
    if (std::exchange(user.gone, true)) return;
    net::reset_connection(user.fd);
  }

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool all_received() const {
    return users_[0].received.bytes == users_[1].sent && users_[1].received.bytes == users_[0].sent;
  }
  [[nodiscard]] bool any_gone() const { return users_[0].gone || users_[1].gone; }

  void check() const {
    for (const std::size_t side : {0U, 1U}) {
      const std::string& received = users_[side].received.bytes;
      RC_ASSERT(std::string_view(users_[1 - side].sent).starts_with(received));
    }
    if (!ended_) return;
    RC_ASSERT(summary_.bytes_to_server <= users_[0].sent.size());
    RC_ASSERT(summary_.bytes_to_client <= users_[1].sent.size());
    RC_ASSERT(summary_.bytes_to_server >= users_[1].received.bytes.size());
    RC_ASSERT(summary_.bytes_to_client >= users_[0].received.bytes.size());
    RC_ASSERT(traffic_.bytes_to_server == summary_.bytes_to_server);
    RC_ASSERT(traffic_.bytes_to_client == summary_.bytes_to_client);
  }

 private:
  class Owner final : public TunnelOwner {
   public:
    explicit Owner(WildTunnel& tunnel) noexcept : tunnel_(tunnel) {}
    void closed(const TunnelSummary& summary) noexcept override {
      tunnel_.ended_ = true;
      tunnel_.summary_ = summary;
    }

   private:
    WildTunnel& tunnel_;
  };

  net::Fd join(net::Reactor& reactor, std::size_t side, base::Side name) {
    net::ConnectedPair pair = *rc::gen::arbitrary<bool>() ? net::unix_pair() : net::tcp_pair();
    users_[side].fd = std::move(pair.peers);
    net::Socket socket(reactor, std::move(pair.ours), name);
    return socket.release();
  }

  std::array<User, 2> users_;
  telemetry::TrafficCounters traffic_;
  TunnelSummary summary_;
  bool ended_ = false;
  std::size_t next_ = 0;  // where the next bytes are in endless_bytes()
};

std::unique_ptr<Engine> make_tested(TestedEngine kind, net::Reactor& reactor) {
  if (kind == TestedEngine::kEpoll) return make_epoll_engine(reactor);
  return make_uring_engine(reactor, kHalfOpenTimeout, kind == TestedEngine::kUring ? 0 : 2);
}

void carries_what_it_should(TestedEngine kind) {
  net::Reactor reactor;
  std::vector<std::unique_ptr<WildTunnel>> tunnels;
  const auto engine = make_tested(kind, reactor);
  for (std::size_t count = *rc::gen::inRange<std::size_t>(1, 6); count > 0; --count) {
    tunnels.push_back(std::make_unique<WildTunnel>());
    tunnels.back()->adopt_into(*engine, reactor);
  }
  const int steps = *rc::gen::inRange(0, 150);
  for (int i = 0; i < steps; ++i) {
    WildTunnel& tunnel = *tunnels[*rc::gen::inRange<std::size_t>(0, tunnels.size())];
    const std::size_t side = *rc::gen::inRange<std::size_t>(0, 2);
    switch (*rc::gen::weightedElement<int>({{6, 0}, {6, 1}, {6, 2}, {1, 3}, {1, 4}})) {
      case 0:
        tunnel.send(side, *rc::gen::weightedOneOf<std::size_t>(
                              {{3, rc::gen::inRange<std::size_t>(1, 1000)}, {1, rc::gen::just(kMostBytes)}}));
        break;
      case 1:
        tunnel.receive(side, *rc::gen::inRange<std::size_t>(1, 300'000));
        break;
      case 2:
        reactor.run_once(base::Duration(0));
        break;
      case 3:
        tunnel.close(side);
        break;
      default:
        if (*rc::gen::inRange(0, 3) == 0) tunnel.reset(side);
    }
    tunnel.check();
  }
  // Everyone ends in good order: what was sent arrives, unless someone had left in anger.
  for (const auto& tunnel : tunnels) {
    tunnel->close(0);
    tunnel->close(1);
  }
  RC_ASSERT(net::turn_until(reactor, [&] {
    bool all_ended = true;
    for (const auto& tunnel : tunnels) {
      for (const std::size_t side : {0U, 1U}) tunnel->receive(side, 1'000'000);
      tunnel->check();
      all_ended = all_ended && tunnel->ended() && (tunnel->any_gone() || tunnel->all_received());
    }
    return all_ended;
  }));
  RC_ASSERT(engine->open() == 0U);
}

class EngineProperty : public testing::TestWithParam<TestedEngine> {};
INSTANTIATE_TEST_SUITE_P(Engines, EngineProperty, testing::ValuesIn(kTestedEngines),
                         [](const auto& info) { return tested_engine_name(info.param); });

TEST_P(EngineProperty, CarriesWhatItShouldWhateverTheUsersDo) {
  if (GetParam() != TestedEngine::kEpoll && why_no_uring()) GTEST_SKIP() << "io_uring is not to be had here";
  EXPECT_TRUE(rc::check([] { carries_what_it_should(GetParam()); }));
}

}  // namespace
}  // namespace limpet::relay
