#include "apis/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>

#include "unit/apis/canned_server.h"

namespace limpet::apis {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpExchangeTest : public testing::Test {
 protected:
  ~HttpExchangeTest() override {
    EXPECT_TRUE(turn_until(reactor, [this] { return !server || server->connections() == 0; }));
  }
  void serve(std::string answer) {
    server = std::make_unique<CannedServer>(reactor, [answer](std::string_view) { return answer; });
  }
  /// Status and body, or why there is none.
  std::string fetch(
      HttpRequest request = {.method = "GET", .target = "/", .host = "h", .fields = {}, .body = {}},
      std::size_t limit = 1000) {
    std::optional<std::string> result;
    net::spawn(run(std::move(request), limit, result));
    EXPECT_TRUE(turn_until(reactor, [&result] { return result.has_value(); }));
    return result.value_or("never ended");
  }
  net::Task<void> run(HttpRequest request, std::size_t limit, std::optional<std::string>& result) {
    HttpExchange exchange(reactor);
    running = &exchange;
    const auto head = co_await exchange.open(addresses.empty() ? std::vector{server->address()} : addresses,
                                             std::move(request), base::Clock::now() + patience);
    if (!head) {
      result = head.error();
      co_return;
    }
    const auto body = co_await exchange.read_all(limit);
    result = body ? fmt::format("{} {}", head->status, *body) : body.error();
  }

  net::Reactor reactor;
  std::unique_ptr<CannedServer> server;
  std::vector<net::SocketAddress> addresses;
  base::Duration patience = std::chrono::seconds(10);
  HttpExchange* running = nullptr;
};

TEST_F(HttpExchangeTest, ReadsABodyOfKnownLength) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloand more");
  EXPECT_EQ(fetch(), "200 hello");
}

TEST_F(HttpExchangeTest, ReadsAChunkedBody) {
  serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
  EXPECT_EQ(fetch(), "200 hello");
}

TEST_F(HttpExchangeTest, ReadsABodyUpToTheEndOfTheConnection) {
  serve("HTTP/1.1 404 Not Found\r\n\r\nnothing here");
  EXPECT_EQ(fetch(), "404 nothing here");
}

TEST_F(HttpExchangeTest, PassesOverInterimAnswersAndNeedsNoBody) {
  serve("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(fetch(), "204 ");
}

TEST_F(HttpExchangeTest, SendsWhatItIsGiven) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(
      fetch({.method = "POST", .target = "/a?b", .host = "there", .fields = {{"X-Y", "z"}}, .body = {}}),
      "200 ");
  ASSERT_EQ(server->requests().size(), 1U);
  EXPECT_THAT(server->requests()[0], StartsWith("POST /a?b HTTP/1.1\r\nHost: there\r\nX-Y: z\r\n"));
  EXPECT_THAT(server->requests()[0], HasSubstr("\r\nContent-Length: 0\r\nConnection: close\r\n"));
}

TEST_F(HttpExchangeTest, RefusesABodyThatIsTooLongOrCutShort) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(fetch({.method = "GET", .target = "/", .host = "h", .fields = {}, .body = {}}, 4),
            "its answer is longer than 4 bytes");
  serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
  EXPECT_EQ(fetch(), "it closed the connection in the middle of its answer");
  serve("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n");
  EXPECT_THAT(fetch(), StartsWith("its answer is not HTTP: "));
  serve("SSH-2.0-OpenSSH_9.2\r\n\r\n");
  EXPECT_THAT(fetch(), StartsWith("its answer is not HTTP: "));
}

TEST_F(HttpExchangeTest, TriesTheNextAddressWhereNobodyListens) {
  serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  addresses = {net::SocketAddress::unix_path("/nowhere/at/all.sock"), server->address()};
  EXPECT_EQ(fetch(), "200 ok");
  addresses.pop_back();
  EXPECT_THAT(fetch(), HasSubstr("ENOENT"));
}

TEST_F(HttpExchangeTest, GivesUpAtTheDeadlineAndWhenCancelled) {
  server = std::make_unique<CannedServer>(reactor, [](std::string_view) { return std::nullopt; });
  patience = std::chrono::milliseconds(20);
  EXPECT_THAT(fetch(), HasSubstr("time"));
  patience = std::chrono::hours(1);
  reactor.post([this] { running->cancel(); });
  EXPECT_THAT(fetch(), HasSubstr("given up"));
}

}  // namespace
}  // namespace limpet::apis
