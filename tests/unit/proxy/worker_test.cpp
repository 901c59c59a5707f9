#include "proxy/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "unit/proxy/worker_fixture.h"

namespace limpet::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// Stops with connections in every state. Each test leaves nothing suspended behind, which the leak checker
/// sees.
class WorkerStopTest : public WorkerFixture {
 protected:
  void expect_prompt_stop() { EXPECT_LT(stop(), milliseconds(1500)); }
};

TEST_F(WorkerStopTest, WithNothingOpen) {
  start();
  expect_prompt_stop();
}

TEST_F(WorkerStopTest, BeforeTheFirstByte) {
  start();
  Peer client = connect();
  ASSERT_TRUE(client.stays_silent(20));
  expect_prompt_stop();
  EXPECT_TRUE(client.is_closed());
}

TEST_F(WorkerStopTest, InTheMiddleOfAHead) {
  start();
  Peer client = connect_and_send("GET / HTTP/1.1\r\nHost: a");
  ASSERT_TRUE(client.stays_silent(20));
  expect_prompt_stop();
}

TEST_F(WorkerStopTest, WhileTheServerThinks) {
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  expect_prompt_stop();
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(WorkerStopTest, WhileABodyIsOnItsWayUp) {
  start();
  Peer client = connect_and_send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  Peer at_server = server.accept();
  at_server.read_through("half");
  expect_prompt_stop();
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(WorkerStopTest, WhileTheServerDoesNotTakeABody) {
  start();
  Peer client = connect_and_send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  Peer at_server = server.accept();
  const std::string part(64 * 1024, 'x');
  const timeval soon{.tv_sec = 0, .tv_usec = 200'000};
  ::setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  while (client.send(part)) continue;
  expect_prompt_stop();
}

TEST_F(WorkerStopTest, WhileABodyIsOnItsWayDown) {
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  client.read_through("hello");
  expect_prompt_stop();
  EXPECT_EQ(client.read_to_end(), "\r\n");
}

TEST_F(WorkerStopTest, WhileTheClientDoesNotTakeABody) {
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  const std::string part(64 * 1024, 'x');
  const timeval soon{.tv_sec = 0, .tv_usec = 200'000};
  ::setsockopt(at_server.fd(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  while (at_server.send(part)) continue;
  expect_prompt_stop();
}

TEST_F(WorkerStopTest, WhileAUserWaitsForASeat) {
  balancer.capacity = 1;
  balancer.queue_timeout = seconds(60);
  start();
  Peer first = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  Peer second = connect_and_send(kGet);
  ASSERT_TRUE(second.stays_silent(50));
  expect_prompt_stop();
}

TEST_F(WorkerStopTest, WhileTheControlPlaneOwesAnAnswer) {
  start();
  Peer client = connect_and_send("GET /api HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(comes_true([&] { return handler.count() == 1; }));
  auto reply = handler.take_reply();
  expect_prompt_stop();
  EXPECT_TRUE(client.is_closed());
  // Late, but the worker is still there.
  reply({.status = 200, .fields = {}, .body = "too late"});
}

TEST_F(WorkerStopTest, BetweenTwoRequests) {
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  client.read_answer();
  expect_prompt_stop();
  EXPECT_TRUE(client.is_closed());
  worker.reset();
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(WorkerStopTest, WhileItWaitsForAClientToClose) {
  start();
  Peer client = connect_and_send("nonsense\r\n\r\n");
  EXPECT_THAT(client.read_head(), StartsWith("HTTP/1.1 400 "));
  expect_prompt_stop();
}

TEST_F(WorkerStopTest, WithAnOpenTunnel) {
  start();
  Peer client = connect_and_send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_THAT(client.read_head(), StartsWith("HTTP/1.1 101 "));
  EXPECT_TRUE(comes_true([&] { return worker->tunnels_open() == 1; }));
  EXPECT_TRUE(comes_true([&] { return worker->requests_open() == 0; }));
  expect_prompt_stop();
  worker.reset();
  EXPECT_TRUE(client.is_closed());
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(WorkerStopTest, IdleConnectionsEndWhenItTakesNoMore) {
  start();
  Peer idle = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  idle.read_answer();
  Peer busy = connect_and_send(kGet);
  at_server.read_head();
  worker->stop_accepting([] {});
  EXPECT_TRUE(idle.is_closed());
  at_server.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  const std::string answer = busy.read_to_end();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("done"));
}

using WorkerCountTest = WorkerFixture;

TEST_F(WorkerCountTest, NewUsersAreCountedOnce) {
  balancer.sticky.emplace().cookie.emplace().name = "s";
  start();
  std::string bound;
  Peer at_server;
  for (int visit = 0; visit < 3; ++visit) {
    const std::string cookie = visit == 0 ? "" : "Cookie: s=" + bound + "\r\n";
    Peer client = connect_and_send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + cookie + "\r\n");
    if (!at_server) at_server = server.accept();
    at_server.read_head();
    at_server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    const std::string answer = client.read_to_end();
    const std::size_t at = answer.find("s=");
    if (visit == 0) bound = answer.substr(at + 2, 16);
  }
  EXPECT_EQ(registry.service("app@file")->arrivals(), 1U);
  EXPECT_EQ(registry.service("app@file")->waiting(), 0U);
}

}  // namespace
}  // namespace limpet::proxy
