#include "proxy/server_try.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "unit/proxy/worker_fixture.h"

namespace limpet::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kExpecting =
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";

std::string post(std::size_t length) {
  return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}

class ServerTryTest : public WorkerFixture {};

TEST_F(ServerTryTest, InterimAnswersGoToTheClient) {
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  at_server.send(kOk);
  EXPECT_THAT(client.read_answer(), EndsWith("ok"));
}

TEST_F(ServerTryTest, InterimAnswersWithoutEndAreABrokenProtocol) {
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  while (at_server.send("HTTP/1.1 102 Processing\r\n\r\n")) continue;
  const std::string all = client.read_through("HTTP/1.1 502 ");
  EXPECT_THAT(all, EndsWith("HTTP/1.1 502 "));
  EXPECT_LT(all.size(), 1000U);
}

TEST_F(ServerTryTest, AnHttp10ClientGetsNoInterimAnswers) {
  start();
  Peer client = connect_and_send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 103 Early Hints\r\n\r\n");
  at_server.send(kOk);
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTryTest, AnExpectedContinueComesFromTheServer) {
  start();
  Peer client = connect_and_send(kExpecting);
  Peer at_server = server.accept();
  EXPECT_THAT(at_server.read_head(), HasSubstr("Expect: 100-continue\r\n"));
  EXPECT_TRUE(client.stays_silent(100));
  at_server.send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(at_server.read_bytes(4), "body");
  at_server.send(kOk);
  EXPECT_THAT(client.read_answer(), EndsWith("ok"));
  // The connections are still good.
  client.send(kGet);
  EXPECT_THAT(at_server.read_head(), StartsWith("GET / HTTP/1.1\r\n"));
  at_server.send(kOk);
  EXPECT_THAT(client.read_answer(), EndsWith("ok"));
}

TEST_F(ServerTryTest, AServerThatDoesNotKnowTheExpectationGetsTheBodyAllTheSame) {
  start();
  Peer client = connect_and_send(kExpecting);
  Peer at_server = server.accept();
  at_server.read_head();
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(at_server.read_bytes(4), "body");
  // Late, and the client has had one.
  at_server.send("HTTP/1.1 100 Continue\r\n\r\n");
  at_server.send(kOk);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(ServerTryTest, AServerMayRefuseTheBody) {
  start();
  Peer client = connect_and_send(kExpecting);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 417 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(ServerTryTest, AnUpgradeInsteadOfContinueIsABrokenProtocol) {
  start();
  Peer client = connect_and_send(kExpecting);
  Peer at_server = server.accept();
  at_server.read_head();
  at_server.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 "));
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(ServerTryTest, TheTimeToAnswerBeginsWhenTheBodyIsThere) {
  balancer.response_timeout = milliseconds(400);
  start();
  Peer client = connect_and_send(post(20));
  Peer at_server = server.accept();
  at_server.read_head();
  // Slower than the time to answer, all in all.
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.stays_silent(50));
    client.send("x");
  }
  EXPECT_EQ(at_server.read_bytes(20), std::string(20, 'x'));
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 504 "));
}

TEST_F(ServerTryTest, AServerThatStopsReadingTimesOutAsWell) {
  balancer.response_timeout = milliseconds(300);
  start();
  Peer client = connect_and_send(post(100'000'000));
  Peer at_server = server.accept();
  const std::string part(64 * 1024, 'x');
  while (client.send(part)) continue;
  EXPECT_THAT(client.read_head(), StartsWith("HTTP/1.1 504 "));
}

TEST_F(ServerTryTest, AnAnswerMayTakeLongerThanABodyIsWaitedFor) {
  settings.transport.read_timeout = milliseconds(200);
  start();
  Peer client = connect_and_send(post(200'000));
  Peer at_server = server.accept();
  at_server.read_head();
  client.send(std::string(200'000, 'x'));
  at_server.read_bytes(200'000);
  EXPECT_TRUE(client.stays_silent(600));
  at_server.send(kOk);
  EXPECT_THAT(client.read_answer(), EndsWith("ok"));
}

TEST_F(ServerTryTest, AServerThatAnswersEarlyAndLeavesDoesNoHarm) {
  start();
  for (int i = 0; i < 20; ++i) {
    Peer client = connect_and_send(post(4'000'000));
    Peer at_server = server.accept();
    at_server.read_head();
    // So much is under way that a write waits when the answer comes.
    const timeval soon{.tv_sec = 0, .tv_usec = 20'000};
    ::setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    const bool whole = client.send(std::string(4'000'000, 'x'));
    at_server.send(kOk);
    at_server.close_write();
    if (i % 2 == 0) at_server.read_bytes(static_cast<std::size_t>(i) * 200'000);
    at_server.close();
    EXPECT_THAT(client.read_answer(), testing::AnyOf(EndsWith("ok"), ""));
    static_cast<void>(whole);
  }
}

TEST_F(ServerTryTest, AClientThatLeavesEndsTheRequestAtTheServer) {
  start();
  Peer waiting = connect_and_send(kGet);
  Peer at_server = server.accept();
  at_server.read_head();
  waiting.close();
  EXPECT_TRUE(at_server.is_closed());

  Peer uploading = connect_and_send(post(100) + "half");
  at_server = server.accept();
  at_server.read_through("half");
  uploading.close();
  EXPECT_TRUE(at_server.is_closed());

  Peer uploaded = connect_and_send(post(100'000));
  at_server = server.accept();
  at_server.read_head();
  uploaded.send(std::string(100'000, 'x'));
  at_server.read_bytes(100'000);
  uploaded.close();
  EXPECT_TRUE(at_server.is_closed());

  Peer expecting = connect_and_send(kExpecting);
  at_server = server.accept();
  at_server.read_head();
  expecting.reset();
  EXPECT_TRUE(at_server.is_closed());
}

TEST_F(ServerTryTest, AResetEndsAnUploadThatTheServerDoesNotTake) {
  start();
  Peer client = connect_and_send(post(100'000'000));
  Peer at_server = server.accept();
  at_server.read_head();
  const timeval soon{.tv_sec = 0, .tv_usec = 200'000};
  ::setsockopt(client.fd(), SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
  while (client.send(std::string(64 * 1024, 'x'))) continue;
  client.reset();
  EXPECT_TRUE(comes_true([&] { return worker->requests_open() == 0; }));
}

TEST_F(ServerTryTest, EveryAddressOfAServerIsTried) {
  // Nobody listens at 127.0.0.2.
  resolved = {*net::IpAddress::parse("127.0.0.2"), *net::IpAddress::parse("127.0.0.1")};
  balancer.servers = {{.url = "http://app:" + std::to_string(server.address().port())}};
  start();
  for (int i = 0; i < 3; ++i) {
    Peer client = connect_and_send(post(4) + "body");
    Peer at_server = server.accept();
    at_server.read_through("body");
    at_server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_THAT(client.read_answer(), EndsWith("ok"));
  }
}

TEST_F(ServerTryTest, AServerNoneOfWhoseAddressesListensIsABadGateway) {
  resolved = {*net::IpAddress::parse("127.0.0.2"), *net::IpAddress::parse("127.0.0.3")};
  balancer.servers = {{.url = "http://app:" + std::to_string(server.address().port())}};
  start();
  Peer client = connect_and_send(kGet);
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 502 "));
}

TEST_F(ServerTryTest, ABodyThatIsTooLongForTheApiIsNotTakenForARequest) {
  start();
  std::string request = "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n";
  while (request.size() < 2'000'000) request += kGet;
  Peer client = connect();
  client.send(request);
  const std::string all = client.read_to_end();
  EXPECT_THAT(all, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(all.substr(1), Not(HasSubstr("HTTP/1.1 ")));
  EXPECT_FALSE(server.has_connection(100));
}

TEST_F(ServerTryTest, AMalformedBodyForTheApiIsABadRequest) {
  start();
  Peer client =
      connect_and_send("POST /api HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace limpet::proxy
