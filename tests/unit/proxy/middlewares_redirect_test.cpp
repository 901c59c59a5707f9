#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "middlewares_request.h"
#include "proxy/middlewares/redirect_scheme.h"

namespace limpet::proxy {
namespace {

using testing::HasSubstr;

struct RedirectCase {
  std::string what;
  config::RedirectScheme settings;
  std::string host;
  bool tls = false;
  std::string proto;     // X-Forwarded-Proto of a trusted proxy
  std::string location;  // empty: goes on
};

TEST(RedirectScheme, SendsToTheConfiguredSchemeAndPort) {
  const config::RedirectScheme https{.scheme = "https"};
  const config::RedirectScheme https_8443{.scheme = "https", .port = "8443"};
  const std::vector<RedirectCase> cases = {
      {"http to https", https, "foo", false, "", "https://foo/p?q=1"},
      {"said to be http", https, "foo", false, "http", "https://foo/p?q=1"},
      {"said to be https", https, "foo", false, "https", ""},
      {"said to be something else", https, "foo", false, "bar", "https://foo/p?q=1"},
      {"said to be ws", https, "foo", false, "ws", "https://foo/p?q=1"},
      {"said to be wss", https, "foo", false, "WSS", ""},
      {"https already", https, "foo", true, "", ""},
      {"https, said to be http", https, "foo", true, "http", "https://foo/p?q=1"},
      {"the port is dropped", https, "foo:8080", false, "", "https://foo/p?q=1"},
      {"the port is added", https_8443, "foo", false, "", "https://foo:8443/p?q=1"},
      {"the port is changed", https_8443, "foo:8000", false, "", "https://foo:8443/p?q=1"},
      {"only the port is changed", https_8443, "foo:8000", true, "", "https://foo:8443/p?q=1"},
      {"only the port is dropped", https, "foo:8000", true, "", "https://foo/p?q=1"},
      {"scheme and port are right", https_8443, "foo:8443", true, "", ""},
      {"http on its own port", {.scheme = "http", .port = "80"}, "foo:80", false, "", ""},
      {"https on its own port", {.scheme = "https", .port = "443"}, "foo:443", true, "", ""},
      {"https on port 80", https, "foo:80", true, "", "https://foo/p?q=1"},
      {"http on port 443", https, "foo:443", false, "", "https://foo/p?q=1"},
      {"to wss", {.scheme = "wss", .port = "9443"}, "foo", false, "", "wss://foo:9443/p?q=1"},
      {"to wss, there already", {.scheme = "WSS"}, "foo", true, "", ""},
      {"another http port",
       {.scheme = "http", .port = "8181"},
       "foo:8080",
       false,
       "",
       "http://foo:8181/p?q=1"},
      {"IPv6", https_8443, "[::1]:80", false, "", "https://[::1]:8443/p?q=1"},
      {"IPv6 without port", https, "[::1]", false, "", "https://[::1]/p?q=1"},
  };
  for (const RedirectCase& c : cases) {
    const auto middleware = RedirectScheme::make(c.settings);
    ASSERT_TRUE(middleware.has_value()) << c.what << ": " << middleware.error();
    TestRequest request("GET /p?q=1\nHost: " + c.host + "\n" +
                        (c.proto.empty() ? "" : "X-Forwarded-Proto: " + c.proto + "\n"));
    request.trusted().context.tls = c.tls;
    const auto answer = pass(**middleware, request.context);
    EXPECT_EQ(answer ? field_of(*answer, "Location") : "", c.location) << c.what;
    if (answer) EXPECT_EQ(answer->status, 302) << c.what;
  }
}

TEST(RedirectScheme, AnUntrustedProxyIsNotHeard) {
  const auto middleware = RedirectScheme::make({.scheme = "https"});
  TestRequest request("GET /\nHost: a\nX-Forwarded-Proto: https\n");
  EXPECT_TRUE(pass(**middleware, request.context).has_value());
}

TEST(RedirectScheme, TheStatusKeepsTheMethod) {
  const auto status = [](const char* method, bool permanent) {
    const auto middleware = RedirectScheme::make({.scheme = "https", .permanent = permanent});
    TestRequest request(std::string(method) + " /\nHost: a\n");
    return pass(**middleware, request.context).value_or(Answer{}).status;
  };
  EXPECT_EQ(status("GET", false), 302);
  EXPECT_EQ(status("GET", true), 301);
  EXPECT_EQ(status("POST", false), 307);
  EXPECT_EQ(status("HEAD", true), 308);
}

TEST(RedirectScheme, FollowsAnEarlierRewrite) {
  const auto middleware = RedirectScheme::make({.scheme = "https"});
  TestRequest request("GET /api/x\nHost: a\n");
  request.context.set_path("/x");
  EXPECT_EQ(field_of(pass(**middleware, request.context).value_or(Answer{}), "Location"), "https://a/x");
  TestRequest asterisk("OPTIONS *\nHost: a\n");
  asterisk.context.path = "*";
  EXPECT_EQ(field_of(pass(**middleware, asterisk.context).value_or(Answer{}), "Location"), "https://a/");
}

TEST(RedirectScheme, SaysWhatIsAllowed) {
  EXPECT_THAT(RedirectScheme::make({}).error(),
              HasSubstr("redirectScheme.scheme is \"\", expected http, https, ws or wss"));
  EXPECT_THAT(RedirectScheme::make({.scheme = "ftp"}).error(), HasSubstr("\"ftp\""));
  for (const char* port : {"0", "65536", "x", "80x", "-1"}) {
    EXPECT_THAT(RedirectScheme::make({.scheme = "https", .port = port}).error(),
                HasSubstr("expected a number from 1 to 65535"));
  }
}

}  // namespace
}  // namespace limpet::proxy
