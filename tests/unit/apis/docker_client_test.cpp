#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>

#include "apis/docker/client.h"
#include "unit/apis/canned_server.h"

namespace limpet::apis::docker {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class DockerClientTest : public testing::Test {
 protected:
  DockerClientTest()
      : server(reactor, [this](std::string_view) { return answer; }),
        client(reactor, parse_endpoint("tcp://" + server.authority()).value(), std::chrono::seconds(10)) {}
  ~DockerClientTest() override {
    EXPECT_TRUE(turn_until(reactor, [this] { return server.connections() == 0; }));
  }
  void answer_with(int status, const std::string& body) {
    answer = fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
  }
  /// What a call gives.
  template <class T>
  T result_of(net::Task<T> task) {
    std::optional<T> result;
    net::spawn(store(std::move(task), result));
    EXPECT_TRUE(turn_until(reactor, [&result] { return result.has_value(); }));
    return std::move(*result);
  }
  template <class T>
  static net::Task<void> store(net::Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  net::Task<void> follow(std::vector<std::string>& seen, bool& ended) {
    EventStream events(client);
    const auto opened = co_await events.open();
    EXPECT_TRUE(opened.has_value());
    while (opened) {
      const auto event = co_await events.next();
      seen.push_back(event ? event->action + " " + event->container : event.error().text);
      if (!event) break;
    }
    ended = true;
  }

  net::Reactor reactor;
  std::optional<std::string> answer;
  CannedServer server;
  Client client;
};

TEST_F(DockerClientTest, ListsAndInspects) {
  answer_with(200, R"([{"Id":"1","State":"running"}])");
  const auto list = result_of(client.list());
  ASSERT_TRUE(list.has_value()) << list.error().text;
  EXPECT_EQ(list->size(), 1U);
  answer_with(200, R"({"Id":"1","Name":"/web"})");
  const auto container = result_of(client.inspect("odd/name"));
  ASSERT_TRUE(container.has_value()) << container.error().text;
  EXPECT_EQ(container->name, "web");
  EXPECT_THAT(server.requests(), ElementsAre(StartsWith("GET /containers/json?all=true HTTP/1.1\r\n"),
                                             StartsWith("GET /containers/odd%2Fname/json HTTP/1.1\r\n")));
}

TEST_F(DockerClientTest, TellsWhatTheEngineSays) {
  answer_with(404, R"({"message":"No such container: x"})");
  const auto container = result_of(client.inspect("x"));
  ASSERT_FALSE(container.has_value());
  EXPECT_EQ(container.error().status, 404);
  EXPECT_EQ(container.error().text, "404 No such container: x");
  answer_with(200, "[1");
  EXPECT_EQ(result_of(client.list()).error().status, 0);
}

TEST_F(DockerClientTest, FollowsEventsHoweverTheyAreCut) {
  const std::string first = R"({"Type":"container","Action":"start","Actor":{"ID":"a"}})";
  const std::string second = R"({"Type":"network","Action":"create","Actor":{"ID":"n"}})";
  const std::string third = R"({"Type":"container","Action":"die","Actor":{"ID":"b"}})";
  const std::string text = first + "\n" + second + "\n\r\n" + third + "\n";
  std::string body;
  for (std::size_t i = 0; i < text.size(); i += 7) {
    const std::string piece = text.substr(i, 7);
    body += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
  }
  answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + "0\r\n\r\n";
  std::vector<std::string> seen;
  bool ended = false;
  net::spawn(follow(seen, ended));
  ASSERT_TRUE(turn_until(reactor, [&ended] { return ended; }));
  EXPECT_THAT(seen, ElementsAre("start a", "die b", "it ended the stream of events"));
  EXPECT_THAT(server.requests()[0], StartsWith("GET /events?filters=%7B%22type%22"));
}

TEST_F(DockerClientTest, CanBeCancelled) {
  reactor.post([this] { client.cancel(); });
  const auto list = result_of(client.list());
  ASSERT_FALSE(list.has_value());
  EXPECT_THAT(list.error().text, HasSubstr("given up"));
}

TEST(DockerEndpoint, IsASocketOrAnAddress) {
  EXPECT_EQ(parse_endpoint("unix:///var/run/docker.sock")->unix_socket->text(), "unix:/var/run/docker.sock");
  EXPECT_EQ(parse_endpoint("tcp://proxy:2375")->host, "proxy");
  EXPECT_EQ(parse_endpoint("tcp://[::1]:2375")->host, "::1");
  EXPECT_EQ(parse_endpoint("http://10.0.0.1:2375/")->port, 2375);
  for (const char* bad :
       {"", "unix://", "unix://run.sock", "tcp://proxy", "tcp://:1", "tcp://a:0", "tcp://a:b", "ssh://a:1",
        "npipe:////./pipe/docker_engine", "tcp://a/b:1", "https://a:1"}) {
    EXPECT_FALSE(parse_endpoint(bad).has_value()) << bad;
  }
  EXPECT_EQ(parse_endpoint("https://a:1").error(), "TLS is not supported yet");
}

}  // namespace
}  // namespace limpet::apis::docker
