#include "proxy/client_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/proxy/worker_fixture.h"

namespace limpet::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ClientConnectionTest : public WorkerFixture {
 protected:
  /// Answers one request at the server's end of a connection.
  static void serve(Peer& at, std::string_view body) {
    at.read_head();
    at.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
            std::string(body));
  }
};

TEST_F(ClientConnectionTest, CarriesOneRequestAfterTheOther) {
  start();
  Peer client = connect();
  Peer at_server;
  for (int i = 0; i < 5; ++i) {
    client.send(kGet);
    if (!at_server) at_server = server.accept();
    serve(at_server, std::to_string(i));
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  EXPECT_FALSE(server.has_connection(0));
}

TEST_F(ClientConnectionTest, AnswersPipelinedRequestsInOrder) {
  start();
  std::string requests;
  for (int i = 0; i < 200; ++i) {
    requests += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
  }
  Peer client = connect_and_send(requests);
  Peer at_server = server.accept();
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(at_server.read_head(), StartsWith("POST /" + std::to_string(i) + " HTTP/1.1\r\n"));
    EXPECT_EQ(at_server.read_bytes(3), "abc");
    at_server.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + std::to_string(1000 + i));
    EXPECT_THAT(client.read_answer(), EndsWith(std::to_string(1000 + i)));
  }
}

TEST_F(ClientConnectionTest, ReadsAHeadThatComesByteByByte) {
  start();
  Peer client = connect();
  for (const char byte : kGet) client.send(std::string_view(&byte, 1));
  Peer at_server = server.accept();
  serve(at_server, "hello");
  EXPECT_THAT(client.read_answer(), EndsWith("hello"));
}

TEST_F(ClientConnectionTest, AHeadMustBeThereInTimeHoweverItTricklesIn) {
  settings.transport.read_timeout = milliseconds(300);
  start();
  Peer client = connect_and_send("GET / HTTP/1.1\r\n");
  const base::TimePoint began = base::Clock::now();
  // A line now and then does not win time.
  while (client.stays_silent(50) && base::Clock::now() - began < seconds(10)) client.send("X: y\r\n");
  EXPECT_THAT(client.read_to_end(), StartsWith("HTTP/1.1 408 "));
  EXPECT_LT(base::Clock::now() - began, seconds(5));
}

TEST_F(ClientConnectionTest, AnIdleConnectionIsClosedWithoutAWord) {
  settings.transport.idle_timeout = milliseconds(200);
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  serve(at_server, "");
  client.read_answer();
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ClientConnectionTest, TheLastRequestOfAConnectionIsToldSo) {
  settings.transport.keep_alive_max_requests = 2;
  start();
  Peer client = connect_and_send(kGet);
  Peer at_server = server.accept();
  serve(at_server, "");
  EXPECT_THAT(client.read_answer(), Not(HasSubstr("Connection:")));
  client.send(kGet);
  serve(at_server, "");
  EXPECT_THAT(client.read_answer(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(ClientConnectionTest, SoIsTheLastOneThatLimpetAnswersItself) {
  settings.transport.keep_alive_max_requests = 1;
  start();
  Peer client = connect_and_send("GET /api HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(comes_true([&] { return handler.count() == 1; }));
  handler.take_reply()({.status = 200, .fields = {}, .body = "hello"});
  EXPECT_THAT(client.read_to_end(), HasSubstr("Connection: close\r\n"));
}

}  // namespace
}  // namespace limpet::proxy
