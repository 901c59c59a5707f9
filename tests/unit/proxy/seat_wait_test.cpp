#include "proxy/seat_wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/proxy/worker_fixture.h"

namespace limpet::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

class SeatWaitTest : public WorkerFixture {
 protected:
  SeatWaitTest() {
    balancer.capacity = 1;
    balancer.queue_timeout = seconds(60);
    with_second = true;
  }

  static std::string request(int number) {
    return "GET /" + std::to_string(number) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  }
  [[nodiscard]] std::uint32_t waiting() { return registry.service("app@file")->waiting(); }
  [[nodiscard]] bool becomes_waiting(std::uint32_t count) {
    return comes_true([&] { return waiting() == count; });
  }
  /// A user who has the only seat until the server answers.
  Peer take_seat() {
    holder_ = connect_and_send(request(0));
    Peer at_server = server.accept();
    EXPECT_THAT(at_server.read_head(), StartsWith("GET /0 "));
    return at_server;
  }
  /// The number of the request that the server gets next, answered.
  int serve_next() {
    Peer at_server = server.accept();
    const std::string head = at_server.read_head();
    at_server.send(kOk);
    return head.size() < 6 ? -1 : std::stoi(head.substr(5));
  }

 private:
  Peer holder_;
};

TEST_F(SeatWaitTest, ServedInTheOrderOfComingOverTwoThreads) {
  constexpr int kUsers = 12;
  start();
  Peer at_server = take_seat();
  std::vector<Peer> users;
  for (int i = 1; i <= kUsers; ++i) {
    users.push_back(connect_and_send(request(i), static_cast<std::size_t>(i % 2)));
    ASSERT_TRUE(becomes_waiting(static_cast<std::uint32_t>(i)));
  }
  at_server.send(kOk);
  for (int i = 1; i <= kUsers; ++i) EXPECT_EQ(serve_next(), i);
  for (Peer& user : users) EXPECT_THAT(user.read_head(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(registry.service("app@file")->arrivals(), kUsers + 1U);
}

TEST_F(SeatWaitTest, WhoLeavesLosesThePlace) {
  start();
  Peer at_server = take_seat();
  Peer first = connect_and_send(request(1));
  ASSERT_TRUE(becomes_waiting(1));
  Peer second = connect_and_send(request(2), 1);
  ASSERT_TRUE(becomes_waiting(2));
  first.close();
  ASSERT_TRUE(becomes_waiting(1));
  at_server.send(kOk);
  EXPECT_EQ(serve_next(), 2);
  EXPECT_THAT(second.read_head(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(SeatWaitTest, RefusedWhenTheTimeIsUp) {
  balancer.queue_timeout = milliseconds(100);
  start();
  Peer at_server = take_seat();
  Peer user = connect_and_send(request(1));
  const std::string answer = user.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Limpet-Reason: all-full\r\n"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: "));
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(SeatWaitTest, RefusedAtOnceWhenTheQueueIsFull) {
  balancer.queue_limit = 1;
  start();
  Peer at_server = take_seat();
  Peer first = connect_and_send(request(1));
  ASSERT_TRUE(becomes_waiting(1));
  Peer second = connect_and_send(request(2), 1);
  const std::string answer = second.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Limpet-Reason: queue-full\r\n"));
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(SeatWaitTest, RefusedWhenTheThreadTakesNoMore) {
  start();
  Peer at_server = take_seat();
  Peer user = connect_and_send(request(1), 1);
  ASSERT_TRUE(becomes_waiting(1));
  second_worker->stop_accepting([] {});
  const std::string answer = user.read_answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Limpet-Reason: all-full\r\n"));
}

TEST_F(SeatWaitTest, AServerThatAppearsServesThoseWhoWait) {
  balancer.servers.clear();
  balancer.scaling.emplace().webhook.emplace().url = "http://127.0.0.1:9/";
  start();
  Peer first = connect_and_send(request(1));
  ASSERT_TRUE(becomes_waiting(1));
  Peer second = connect_and_send(request(2), 1);
  ASSERT_TRUE(becomes_waiting(2));
  balancer.servers.push_back({.url = server.url()});
  use_settings();
  EXPECT_EQ(serve_next(), 1);
  EXPECT_EQ(serve_next(), 2);
  EXPECT_THAT(first.read_head(), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(second.read_head(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(SeatWaitTest, AServerThatComesBackFromEjectionServes) {
  balancer.capacity = 0;
  balancer.scaling.emplace().webhook.emplace().url = "http://127.0.0.1:9/";
  balancer.passive_health_check.emplace().failure_window = milliseconds(300);
  start();
  (void)registry.find_or_add("app@file", server.url())
      ->note_failure(base::Clock::now(), milliseconds(300), 1);
  Peer user = connect_and_send(request(1));
  ASSERT_TRUE(becomes_waiting(1));
  EXPECT_EQ(serve_next(), 1);
}

TEST_F(SeatWaitTest, WaitingIsNoFailure) {
  balancer.passive_health_check.emplace();
  balancer.queue_timeout = milliseconds(50);
  start();
  Peer at_server = take_seat();
  Peer user = connect_and_send(request(1));
  EXPECT_THAT(user.read_answer(), StartsWith("HTTP/1.1 503 "));
  const auto state = registry.find_or_add("app@file", server.url());
  EXPECT_EQ(state->totals().failures, 0U);
  EXPECT_FALSE(state->is_ejected(base::Clock::now()));
}

class CapacityCountsTest : public SeatWaitTest {
 protected:
  CapacityCountsTest() {
    balancer.queue_timeout = seconds(0);
    with_second = false;
  }
  static constexpr std::string_view kUpgrade =
      "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  struct Tunnel {
    Peer client;
    Peer at_server;
  };
  Tunnel open_tunnel() {
    Tunnel tunnel{.client = connect_and_send(kUpgrade), .at_server = server.accept()};
    tunnel.at_server.read_head();
    tunnel.at_server.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    EXPECT_THAT(tunnel.client.read_head(), StartsWith("HTTP/1.1 101 "));
    EXPECT_TRUE(comes_true([&] { return worker->tunnels_open() == 1; }));
    return tunnel;
  }
  [[nodiscard]] balancing::ServerState& state() { return *registry.find_or_add("app@file", server.url()); }
  [[nodiscard]] bool refuses(std::string_view bytes) {
    Peer client = connect_and_send(bytes);
    return client.read_answer().starts_with("HTTP/1.1 503 ");
  }
};

TEST_F(CapacityCountsTest, Tunnels) {
  balancer.capacity_counts = config::CapacityCounts::kTunnels;
  start();
  Tunnel tunnel = open_tunnel();
  EXPECT_EQ(state().seats_taken(), 1U);
  EXPECT_TRUE(refuses(kUpgrade));
  Peer user = connect_and_send(request(2));
  EXPECT_EQ(serve_next(), 2) << "requests find no limit";
  tunnel.client.close();
  tunnel.at_server.close();
  EXPECT_TRUE(comes_true([&] { return state().seats_taken() == 0 && state().tunnels_open() == 0; }));
}

TEST_F(CapacityCountsTest, Requests) {
  balancer.capacity_counts = config::CapacityCounts::kRequests;
  start();
  Tunnel tunnel = open_tunnel();
  EXPECT_EQ(state().seats_taken(), 0U);
  EXPECT_EQ(state().tunnels_open(), 1U);
  Peer at_server = take_seat();
  EXPECT_TRUE(refuses(kUpgrade));
  EXPECT_TRUE(refuses(kGet));
  at_server.send(kOk);
  tunnel.client.close();
  tunnel.at_server.close();
  EXPECT_TRUE(comes_true([&] { return state().seats_taken() == 0 && state().tunnels_open() == 0; }));
}

class SessionCountTest : public CapacityCountsTest {
 protected:
  SessionCountTest() {
    balancer.capacity_counts = config::CapacityCounts::kSessions;
    balancer.sticky.emplace().cookie.emplace().name = "s";
  }
  static constexpr std::string_view kHandshake =
      "GET /ws/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n";

  void answer(Peer& at_server, std::string_view body) {
    at_server.read_head();
    at_server.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                   std::string(body));
  }
  /// A session begun by polling; the connections stay.
  Tunnel begin_session() {
    Tunnel session{.client = connect_and_send(kHandshake), .at_server = server.accept()};
    answer(session.at_server, "0{\"sid\":\"abc\"}");
    session.client.read_answer();
    EXPECT_EQ(state().seats_taken(), 1U) << "the session has it";
    return session;
  }
  /// The session's WebSocket, on the same connections.
  void upgrade(Tunnel& session) {
    session.client.send(
        "GET /ws/?EIO=4&transport=websocket&sid=abc HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    session.at_server.read_head();
    session.at_server.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    session.client.read_head();
    EXPECT_TRUE(comes_true([&] { return worker->tunnels_open() == 1; }));
    EXPECT_EQ(state().seats_taken(), 1U) << "one player who polls and upgrades is one";
  }
  /// A masked text frame, key 0.
  static std::string frame(std::string_view text) {
    std::string bytes("\x81");
    bytes += static_cast<char>(0x80U | text.size());
    bytes += std::string(4, '\0');
    return bytes += text;
  }
  void close(Tunnel& session) {
    session.client.close();
    session.at_server.close();
    EXPECT_TRUE(comes_true([&] { return worker->tunnels_open() == 0; }));
  }
  [[nodiscard]] bool all_free() {
    return comes_true([&] { return state().seats_taken() == 0; });
  }
};

TEST_F(SessionCountTest, ASessionHasOneSeatWhileItPolls) {
  start();
  Tunnel session = begin_session();
  for (int i = 0; i < 3; ++i) {
    session.client.send("GET /ws/?EIO=4&transport=polling&sid=abc HTTP/1.1\r\nHost: a\r\n\r\n");
    answer(session.at_server, "2");
    session.client.read_answer();
    EXPECT_EQ(state().seats_taken(), 1U);
  }
  EXPECT_TRUE(refuses(kHandshake));
  EXPECT_TRUE(refuses(kUpgrade)) << "a WebSocket of another kind is a user, too";
  session.client.send(
      "POST /ws/?EIO=4&transport=polling&sid=abc HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1");
  answer(session.at_server, "ok");
  session.client.read_answer();
  EXPECT_TRUE(all_free());
}

TEST_F(SessionCountTest, TheWebSocketOfASessionTakesItsSeatAlong) {
  start();
  Tunnel session = begin_session();
  upgrade(session);
  session.client.send(frame("2probe") + frame("5"));
  session.at_server.read_bytes(frame("2probe").size() + frame("5").size());
  close(session);
  EXPECT_TRUE(all_free());
}

TEST_F(SessionCountTest, AFailedProbeLeavesTheSeatWithTheSession) {
  start();
  Tunnel session = begin_session();
  upgrade(session);
  session.client.send(frame("2probe"));
  session.at_server.read_bytes(frame("2probe").size());
  close(session);
  EXPECT_EQ(state().seats_taken(), 1U);
  EXPECT_TRUE(refuses(kHandshake));
}

TEST_F(SessionCountTest, AHandshakeThatFailsHoldsNothing) {
  start();
  Peer client = connect_and_send(kHandshake);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(all_free());
}

}  // namespace
}  // namespace limpet::proxy
