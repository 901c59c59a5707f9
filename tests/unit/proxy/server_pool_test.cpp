#include "proxy/server_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "net/task.h"
#include "unit/net/connected_pair.h"

namespace limpet::proxy {
namespace {

using balancing::ServerState;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ServerPoolTest : public testing::Test {
 protected:
  /// A connection whose other end is kept in `ends`.
  std::unique_ptr<ServerConnection> connect() {
    net::ConnectedPair pair = net::tcp_pair();
    ends.push_back(std::move(pair.peers));
    return std::make_unique<ServerConnection>(reactor, buffers, std::move(pair.ours));
  }
  void give_back(const std::shared_ptr<ServerState>& to, std::unique_ptr<ServerConnection> connection,
                 base::Duration idle = seconds(60)) {
    pool.give_back(to, std::move(connection), idle);
  }
  /// Whether our side of the connection has been closed.
  [[nodiscard]] bool is_closed(const net::Fd& end) {
    net::Received received;
    return net::turn_until(
        reactor,
        [&] {
          net::receive_some(end, received);
          return received.ended || received.error != 0;
        },
        seconds(5));
  }

  net::Reactor reactor;
  net::BufferPool buffers;
  std::vector<net::Fd> ends;
  std::shared_ptr<ServerState> server = std::make_shared<ServerState>("app@file", "http://127.0.0.1:1", 1);
  std::shared_ptr<ServerState> other = std::make_shared<ServerState>("app@file", "http://127.0.0.1:2", 1);
  ServerPool pool{reactor, 2};
};

TEST_F(ServerPoolTest, GivesTheMostRecentlyUsedConnectionOfTheServer) {
  EXPECT_EQ(pool.take(server), nullptr);
  auto first = connect();
  auto second = connect();
  auto third = connect();
  const ServerConnection* const raw_first = first.get();
  const ServerConnection* const raw_second = second.get();
  give_back(server, std::move(first));
  give_back(server, std::move(second));
  give_back(other, std::move(third));
  const auto taken = pool.take(server);
  EXPECT_EQ(taken.get(), raw_second);
  EXPECT_TRUE(taken->reused);
  EXPECT_EQ(pool.take(server).get(), raw_first);
  EXPECT_EQ(pool.take(server), nullptr);
  EXPECT_NE(pool.take(other), nullptr);
}

TEST_F(ServerPoolTest, KeepsNoMoreThanItShould) {
  for (int i = 0; i < 3; ++i) give_back(server, connect());
  EXPECT_TRUE(is_closed(ends[2]));
  EXPECT_NE(pool.take(server), nullptr);
  EXPECT_NE(pool.take(server), nullptr);
  EXPECT_EQ(pool.take(server), nullptr);
}

TEST_F(ServerPoolTest, MayKeepNone) {
  ServerPool none(reactor, 0);
  none.give_back(server, connect(), seconds(60));
  EXPECT_TRUE(is_closed(ends[0]));
  std::weak_ptr<ServerState> watch = server;
  server.reset();
  EXPECT_TRUE(watch.expired());
  none.prune([](const ServerState&) { return false; });
}

TEST_F(ServerPoolTest, DropsAConnectionThatTheServerCloses) {
  give_back(server, connect());
  give_back(server, connect());
  ends[0].reset();
  net::reset_connection(ends[1]);
  net::settle(reactor);
  EXPECT_EQ(pool.take(server), nullptr);
}

TEST_F(ServerPoolTest, DropsOneOfSeveralAndKeepsTheOthers) {
  ServerPool large(reactor, 10);
  for (int i = 0; i < 5; ++i) large.give_back(server, connect(), seconds(60));
  ends[1].reset();
  ends[4].reset();
  net::settle(reactor);
  for (const std::size_t left : {3U, 2U, 0U}) {
    const auto taken = large.take(server);
    ASSERT_NE(taken, nullptr);
    const net::SocketAddress address = net::local_address(ends[left].get());
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    ::getpeername(taken->socket.fd(), reinterpret_cast<sockaddr*>(&peer), &length);
    EXPECT_EQ(net::SocketAddress::from_native(reinterpret_cast<sockaddr*>(&peer), length).port(),
              address.port());
  }
  EXPECT_EQ(large.take(server), nullptr);
}

TEST_F(ServerPoolTest, ATakenConnectionIsNotDroppedAnyMore) {
  give_back(server, connect(), milliseconds(50));
  const auto taken = pool.take(server);
  ASSERT_NE(taken, nullptr);
  ends[0].reset();
  const base::TimePoint later = base::Clock::now() + milliseconds(150);
  ASSERT_TRUE(net::turn_until(reactor, [&] { return base::Clock::now() > later; }));
  EXPECT_TRUE(taken->socket.hung_up());
}

TEST_F(ServerPoolTest, DropsAConnectionThatIsIdleForTooLong) {
  give_back(server, connect(), milliseconds(50));
  EXPECT_TRUE(is_closed(ends[0]));
  EXPECT_EQ(pool.take(server), nullptr);
}

TEST_F(ServerPoolTest, NeverGivesAConnectionWithBytesThatNobodyAskedFor) {
  give_back(server, connect());
  net::send_some(ends[0], "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  net::settle(reactor);
  EXPECT_EQ(pool.take(server), nullptr);
  EXPECT_TRUE(is_closed(ends[0]));
}

TEST_F(ServerPoolTest, TakesBackNoConnectionWithBytesLeft) {
  auto connection = connect();
  connection->buffer.room(net::Block::kSize)[0] = 'x';
  connection->buffer.filled(1);
  give_back(server, std::move(connection));
  EXPECT_EQ(pool.take(server), nullptr);
}

TEST_F(ServerPoolTest, TakesBackNoConnectionThatHungUp) {
  auto connection = connect();
  ends[0].reset();
  ASSERT_TRUE(net::turn_until(reactor, [&] { return connection->socket.hung_up(); }));
  give_back(server, std::move(connection));
  EXPECT_EQ(pool.take(server), nullptr);
}

TEST_F(ServerPoolTest, ADeadlineOfTheLastMessageDoesNotReachTheNext) {
  auto connection = connect();
  connection->socket.set_deadline(milliseconds(30));
  give_back(server, std::move(connection));
  const base::TimePoint later = base::Clock::now() + milliseconds(100);
  ASSERT_TRUE(net::turn_until(reactor, [&] { return base::Clock::now() > later; }));
  const auto taken = pool.take(server);
  ASSERT_NE(taken, nullptr);
  std::optional<bool> written;
  net::spawn([](net::Socket& socket, std::optional<bool>& done) -> net::Task<void> {
    const auto sent = co_await socket.write("hello");
    done = sent.has_value();
  }(taken->socket, written));
  ASSERT_TRUE(net::turn_until(reactor, [&] { return written.has_value(); }));
  EXPECT_TRUE(*written);
}

TEST_F(ServerPoolTest, ForgetsServersThatAreGone) {
  give_back(server, connect());
  give_back(other, connect());
  const std::weak_ptr<ServerState> watch = other;
  other.reset();
  EXPECT_FALSE(watch.expired());
  pool.prune([&](const ServerState& state) { return &state == server.get(); });
  EXPECT_TRUE(watch.expired());
  EXPECT_TRUE(is_closed(ends[1]));
  EXPECT_NE(pool.take(server), nullptr);
}

TEST_F(ServerPoolTest, ClosesWhatIsLeftAtItsEnd) {
  {
    ServerPool short_lived(reactor, 2);
    short_lived.give_back(server, connect(), seconds(60));
  }
  EXPECT_TRUE(is_closed(ends[0]));
  net::settle(reactor);
}

}  // namespace
}  // namespace limpet::proxy
