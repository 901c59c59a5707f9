#include "config/validate.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "config/sticky_source.h"

namespace limpet::config {
namespace {

using namespace std::chrono_literals;

std::string problems_of(LoadBalancer settings) {
  Service service;
  service.kind = std::move(settings);
  return check_service(service).text();
}

TEST(CheckService, AServiceThatSaysLittleIsFine) {
  EXPECT_EQ(problems_of({}), "");
  LoadBalancer sticky;
  sticky.sticky.emplace().cookie.emplace();
  sticky.health_check.emplace();
  EXPECT_EQ(problems_of(sticky), "");
}

TEST(CheckService, FindsStickySettingsThatContradictEachOther) {
  LoadBalancer settings;
  Sticky& sticky = settings.sticky.emplace();
  sticky.sources = {
      {StickySourceKind::kCookie, ""}, {StickySourceKind::kHeader, "X Y"}, {StickySourceKind::kCookie, ""}};
  sticky.on_unknown = LostPolicy::kWait;
  sticky.on_down = LostPolicy::kWait;
  sticky.wait_timeout = 0s;
  EXPECT_EQ(problems_of(settings),
            "error: loadBalancer.sticky.sources: cookie is among them, but sticky.cookie is not set\n"
            "error: loadBalancer.sticky.sources: \"X Y\" is not a header name\n"
            "error: loadBalancer.sticky.sources: the same source is given twice\n"
            "error: loadBalancer.sticky.onUnknown: expected move or reject, got wait\n"
            "error: loadBalancer.sticky.waitTimeout: expected more than 0, since users are to wait\n");
}

TEST(CheckService, FindsCookiesThatBrowsersDropOrThatNeedASecret) {
  LoadBalancer settings;
  StickyCookie& cookie = settings.sticky.emplace().cookie.emplace();
  cookie.name = "ws session";
  cookie.path = "/;x";
  cookie.same_site = SameSite::kNone;
  cookie.partitioned = true;
  cookie.format = CookieFormat::kHmac;
  EXPECT_EQ(
      problems_of(settings),
      "warning: loadBalancer.sticky.cookie.name: \"ws session\" is not a cookie name, so _ stands for the "
      "characters that may not occur in one\n"
      "error: loadBalancer.sticky.cookie.path: expected a text without semicolons and control characters\n"
      "error: loadBalancer.sticky.cookie.secret: expected a secret, since format is hmac\n"
      "warning: loadBalancer.sticky.cookie.sameSite: browsers drop a cookie with sameSite none that is not "
      "secure\n"
      "warning: loadBalancer.sticky.cookie.partitioned: browsers drop a partitioned cookie that is not "
      "secure\n");
}

TEST(CheckService, FindsHealthChecksThatCannotWork) {
  LoadBalancer settings;
  HealthCheck& check = settings.health_check.emplace();
  check.scheme = "https";
  check.path = "health";
  check.method = "GE T";
  check.interval = 0s;
  check.hostname = "a b";
  check.headers = {{"X:", "y"}};
  settings.passive_health_check.emplace().failure_window = 0s;
  EXPECT_EQ(problems_of(settings),
            "error: loadBalancer.healthCheck.scheme: https is not supported yet\n"
            "error: loadBalancer.healthCheck.method: expected a method such as GET or HEAD\n"
            "error: loadBalancer.healthCheck.path: expected a path such as /health, got \"health\"\n"
            "error: loadBalancer.healthCheck.hostname: \"a b\" is not a host name\n"
            "error: loadBalancer.healthCheck.interval: expected a time above 0\n"
            "warning: loadBalancer.healthCheck.timeout: longer than interval, so checks wait for each other\n"
            "error: loadBalancer.healthCheck.headers: \"X:\" is not a header\n"
            "error: loadBalancer.passiveHealthCheck.failureWindow: expected a time above 0\n");
}

TEST(CheckService, WeightedStickinessIsCheckedToo) {
  Service service;
  Weighted weighted;
  weighted.sticky.emplace().sources = {{StickySourceKind::kSid, ""}};
  service.kind = weighted;
  service.place = {"f.yml", 4, 5};
  EXPECT_EQ(check_service(service).text(),
            "f.yml:4:5: warning: weighted.sticky.sources: has no effect on a weighted service\n");
}

TEST(CheckService, FindsPlacementWebhooksThatCannotWork) {
  LoadBalancer settings;
  settings.placement.policy = PlacementPolicy::kWebhook;
  EXPECT_EQ(problems_of(settings),
            "error: loadBalancer.placement.webhook: expected it, since policy is webhook\n");
  PlacementWebhook& webhook = settings.placement.webhook.emplace();
  webhook.url = "https://127.0.0.1/place";
  webhook.headers = {{"X Y", "z"}};
  webhook.timeout = 11s;
  EXPECT_EQ(
      problems_of(settings),
      "error: loadBalancer.placement.webhook.url: expected an address such as http://127.0.0.1:9000/place, "
      "got \"https://127.0.0.1/place\"\n"
      "error: loadBalancer.placement.webhook.headers: \"X Y\" is not a header\n"
      "error: loadBalancer.placement.webhook.timeout: expected a time above 0 and at most 10s\n");
  webhook = {};
  webhook.url = "http://[::1]:9000/place";
  EXPECT_EQ(problems_of(settings), "");
  settings.placement.policy = PlacementPolicy::kPack;
  EXPECT_EQ(problems_of(settings),
            "warning: loadBalancer.placement.webhook: has no use unless policy is webhook\n");
}

TEST(NameProblem, NamesMustNotBeEmptyOrHoldAnAt) {
  EXPECT_FALSE(name_problem("web/app.example-1"));
  EXPECT_TRUE(name_problem(""));
  EXPECT_TRUE(name_problem("a@b"));
}

TEST(StickySource, PrintsWhatItReads) {
  for (const std::string text : {"cookie", "sid", "query:server", "header:X-Server", "path:/s/"}) {
    const auto source = parse_sticky_source(text);
    ASSERT_TRUE(source) << text;
    EXPECT_EQ(format_sticky_source(*source), text);
  }
  EXPECT_TRUE(parse_sticky_source("Query:Server"));
  for (const std::string text :
       {"", "cookie:x", "query", "query:", "header:", "path:", "path:/s", "cookies"}) {
    EXPECT_FALSE(parse_sticky_source(text)) << text;
  }
}

}  // namespace
}  // namespace limpet::config
