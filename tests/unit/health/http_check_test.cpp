#include "health/http_check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "unit/apis/canned_server.h"

namespace limpet::health {
namespace {

using apis::CannedServer;
using apis::turn_until;

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Makes one check against a canned server.
class HttpCheckTest : public testing::Test {
 protected:
  ~HttpCheckTest() override {
    EXPECT_TRUE(turn_until(reactor, [this] { return !server || server->connections() == 0; }));
  }
  void serve(CannedServer::Answer answer) {
    server = std::make_unique<CannedServer>(reactor, std::move(answer));
  }
  void serve(std::string_view answer) {
    serve([answer = std::string(answer)](std::string_view) { return answer; });
  }
  [[nodiscard]] CheckRequest request() const {
    auto made = make_check_request(url_path.empty() ? server->url() : server->url() + url_path,
                                   {server->address()}, settings);
    EXPECT_TRUE(made.has_value()) << made.error();
    return made.value_or(CheckRequest());
  }
  CheckResult check(CheckRequest request) {
    HttpCheck one(reactor, std::move(request));
    return result_of(one);
  }
  CheckResult check() { return check(request()); }
  CheckResult result_of(HttpCheck& one, const std::function<void()>& meanwhile = {}) {
    std::optional<CheckResult> result;
    net::spawn(store(one, result));
    if (meanwhile) meanwhile();
    EXPECT_TRUE(turn_until(reactor, [&result] { return result.has_value(); }));
    return result.value_or(std::unexpected("never ended"));
  }
  static net::Task<void> store(HttpCheck& one, std::optional<CheckResult>& result) {
    result = co_await one.run();
  }

  net::Reactor reactor;
  std::unique_ptr<CannedServer> server;
  config::HealthCheck settings;
  std::string url_path;
};

TEST_F(HttpCheckTest, AsksAndIsAnswered) {
  serve(kOk);
  settings.path = "/health?full=1";
  EXPECT_TRUE(check().has_value());
  ASSERT_EQ(server->requests().size(), 1U);
  const std::string& sent = server->requests()[0];
  EXPECT_THAT(sent, StartsWith("GET /health?full=1 HTTP/1.1\r\nHost: " + server->authority() + "\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nUser-Agent: limpet-health-check/"));
}

TEST_F(HttpCheckTest, AsksAsConfigured) {
  serve(kOk);
  settings.method = "HEAD";
  settings.hostname = "app.example";
  settings.headers = {{"X-Check", "yes"}, {"host", "ignored.example"}, {"User-Agent", "probe"}};
  EXPECT_TRUE(check().has_value());
  const std::string& sent = server->requests()[0];
  EXPECT_THAT(sent, StartsWith("HEAD / HTTP/1.1\r\nHost: app.example\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nX-Check: yes\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nUser-Agent: probe\r\n"));
  EXPECT_THAT(sent, Not(HasSubstr("limpet")));
  EXPECT_THAT(sent, Not(HasSubstr("ignored")));
}

TEST_F(HttpCheckTest, AnswersFrom200To399AreGood) {
  const auto well = [this](int status) {
    serve(fmt::format("HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n", status));
    const CheckResult result = check();
    EXPECT_TRUE(turn_until(reactor, [this] { return server->connections() == 0; }));
    return result;
  };
  for (const int status : {200, 204, 302, 304, 399}) EXPECT_TRUE(well(status).has_value()) << status;
  for (const int status : {101, 400, 404, 500, 503}) {
    const CheckResult result = well(status);
    ASSERT_FALSE(result.has_value()) << status;
    EXPECT_THAT(result.error(), HasSubstr("it answered ")) << status;
  }
  settings.status = 404;
  EXPECT_TRUE(well(404).has_value());
  EXPECT_EQ(well(200).error(), "it answered 200, expected 404");
}

TEST_F(HttpCheckTest, ReadsAnswersInPiecesAndOverInterimOnes) {
  serve("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + std::string(kOk));
  EXPECT_TRUE(check().has_value());
}

TEST_F(HttpCheckTest, BrokenAnswersAreFailures) {
  const auto failure = [this](std::string_view answer) {
    serve(answer);
    const CheckResult result = check();
    EXPECT_TRUE(turn_until(reactor, [this] { return server->connections() == 0; }));
    return result ? "well" : result.error();
  };
  EXPECT_EQ(failure(""), "it closed the connection without an answer");
  EXPECT_EQ(failure("HTTP/1.1 200"), "it closed the connection without an answer");
  EXPECT_THAT(failure("SSH-2.0-OpenSSH_9.2\r\n\r\n"), StartsWith("its answer is not HTTP: "));
  EXPECT_NE(failure("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"), "well");
}

TEST_F(HttpCheckTest, ARefusedConnectionIsAFailureAndTheNextAddressIsTried) {
  serve(kOk);
  CheckRequest wanted = request();
  net::SocketAddress closed;
  {
    const CannedServer gone(reactor, [](std::string_view) { return std::string(kOk); });
    closed = gone.address();
  }
  wanted.addresses = {closed};
  const CheckResult result = check(wanted);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error(), HasSubstr("refused"));

  wanted.addresses = {closed, server->address()};
  EXPECT_TRUE(check(wanted).has_value());
  wanted.addresses.clear();
  EXPECT_EQ(check(wanted).error(), "its host name has no address");
}

TEST_F(HttpCheckTest, SilenceEndsAtTheTimeout) {
  serve([](std::string_view) { return std::nullopt; });
  settings.timeout = milliseconds(60);
  const base::TimePoint start = base::Clock::now();
  const CheckResult result = check();
  ASSERT_FALSE(result.has_value());
  EXPECT_GE(base::Clock::now() - start, milliseconds(60));
  EXPECT_LT(base::Clock::now() - start, seconds(5));
}

TEST_F(HttpCheckTest, CanBeCancelled) {
  serve([](std::string_view) { return std::nullopt; });
  HttpCheck one(reactor, request());
  EXPECT_FALSE(result_of(one, [&] {
                 EXPECT_TRUE(turn_until(reactor, [this] { return !server->requests().empty(); }));
                 one.cancel();
               }).has_value());
}

TEST_F(HttpCheckTest, FollowsRedirectsOnTheSameServer) {
  serve([this](std::string_view request) {
    const auto to = [](std::string_view location) {
      return fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", location);
    };
    if (request.starts_with("POST /a/one ")) return to("two?x=1");
    if (request.starts_with("GET /a/two?x=1 ")) return to("/three#part");
    if (request.starts_with("GET /three ")) return to("http://" + server->authority() + "/four");
    if (request.starts_with("GET /four ")) return to("//" + server->authority());
    if (request.starts_with("GET / ")) return to("?done");
    if (request.starts_with("GET /?done ")) return std::string("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
    return std::string(kOk);
  });
  settings.path = "/a/one";
  settings.method = "POST";
  EXPECT_EQ(check().error(), "it answered 500");
  EXPECT_EQ(server->requests().size(), 6U);
  settings.follow_redirects = false;
  EXPECT_TRUE(check().has_value());
  EXPECT_EQ(server->requests().size(), 7U);
}

TEST_F(HttpCheckTest, KeepsTheMethodWhere307SaysSo) {
  serve([](std::string_view request) {
    if (request.starts_with("POST /one "))
      return std::string("HTTP/1.1 307 X\r\nLocation: /two\r\nContent-Length: 0\r\n\r\n");
    if (request.starts_with("POST /two ")) return std::string(kOk);
    return std::string("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
  });
  settings.path = "/one";
  settings.method = "POST";
  EXPECT_TRUE(check().has_value());
}

TEST_F(HttpCheckTest, ARedirectElsewhereCountsAsItIs) {
  for (const std::string_view location : {"https://127.0.0.1/", "http://app.example/login", "//app.example",
                                          "mailto:x", "http://127.0.0.1:1/", "/with space"}) {
    serve(fmt::format("HTTP/1.1 301 X\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", location));
    settings.status = 0;
    EXPECT_TRUE(check().has_value()) << location;
    settings.status = 200;
    EXPECT_EQ(check().error(), "it answered 301, expected 200") << location;
    EXPECT_EQ(server->requests().size(), 2U);
    EXPECT_TRUE(turn_until(reactor, [this] { return server->connections() == 0; }));
  }
}

TEST_F(HttpCheckTest, RedirectsWithoutEndAreAFailure) {
  serve("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(check().error(), "more than 10 redirects");
  EXPECT_EQ(server->requests().size(), 11U);
}

// Making the request.

const std::vector<net::SocketAddress> kAddresses = {
    net::SocketAddress(*net::IpAddress::parse("127.0.0.1"), 3000)};

std::string target_for(std::string_view url, std::string path) {
  config::HealthCheck settings;
  settings.path = std::move(path);
  const auto request = make_check_request(url, kAddresses, settings);
  return request ? request->target : request.error();
}

TEST(MakeCheckRequest, ResolvesThePathAgainstTheUrl) {
  EXPECT_EQ(target_for("http://a:3000", "/ping"), "/ping");
  EXPECT_EQ(target_for("http://a:3000", "ping"), "/ping");
  EXPECT_EQ(target_for("http://a:3000/app/", "/ping"), "/ping");
  EXPECT_EQ(target_for("http://a:3000/app/x", "ping?a=b"), "/app/ping?a=b");
  EXPECT_EQ(target_for("http://a:3000/app", ""), "/app");
  EXPECT_EQ(target_for("http://a:3000/app", "?deep"), "/app?deep");
}

TEST(MakeCheckRequest, TakesPortAndHost) {
  config::HealthCheck settings;
  EXPECT_EQ(make_check_request("http://a:3000", kAddresses, settings)->host, "a:3000");
  EXPECT_EQ(make_check_request("http://a:3000", kAddresses, settings)->addresses[0].port(), 3000);
  settings.port = 9000;
  settings.headers = {{"Host", "header.example"}};
  EXPECT_EQ(make_check_request("http://a:3000", kAddresses, settings)->addresses[0].port(), 9000);
  EXPECT_EQ(make_check_request("http://a:3000", kAddresses, settings)->host, "header.example");
  settings.hostname = "name.example";
  EXPECT_EQ(make_check_request("http://a:3000", kAddresses, settings)->host, "name.example");
}

TEST(MakeCheckRequest, SaysWhatCannotBeAsked) {
  const auto problem = [](const std::function<void(config::HealthCheck&)>& change,
                          std::string_view url = "http://a") {
    config::HealthCheck settings;
    change(settings);
    const auto request = make_check_request(url, kAddresses, settings);
    return request ? "fine" : request.error();
  };
  EXPECT_EQ(problem([](auto& settings) { settings.scheme = "HTTP"; }), "fine");
  EXPECT_EQ(problem([](auto& settings) { settings.scheme = "http"; }, "https://a"), "fine");
  EXPECT_EQ(problem([](auto&) {}, "https://a"), "checks by https are not supported");
  EXPECT_EQ(problem([](auto& settings) { settings.method = "GET /"; }), "\"GET /\" is not a method");
  EXPECT_EQ(problem([](auto& settings) { settings.path = "/a b"; }), "\"/a b\" is not a path");
  EXPECT_EQ(problem([](auto& settings) { settings.hostname = "a b"; }), "\"a b\" is not a host name");
  EXPECT_EQ(problem([](auto& settings) { settings.headers = {{"X", "a\r\nY: b"}}; }).empty(), false);
  EXPECT_THAT(problem([](auto& settings) { settings.headers = {{"X Y", "b"}}; }),
              HasSubstr("is not a header"));
}

}  // namespace
}  // namespace limpet::health
