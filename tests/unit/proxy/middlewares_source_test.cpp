#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "middlewares_request.h"
#include "proxy/middlewares/ip_allow_list.h"
#include "proxy/middlewares/source_key.h"

namespace limpet::proxy {
namespace {

using testing::HasSubstr;

struct AllowCase {
  std::string forwarded_for;
  std::optional<config::IpStrategy> strategy;
  std::vector<std::string> ranges;
  bool allowed;
};

TEST(IpAllowList, JudgesTheAddressOfTheStrategy) {
  const auto depth = [](std::uint32_t n) { return config::IpStrategy{.depth = n}; };
  const auto excluding = [](std::vector<std::string> ips) {
    return config::IpStrategy{.excluded_ips = std::move(ips)};
  };
  const std::vector<AllowCase> cases = {
      {"", std::nullopt, {"192.0.2.7"}, true},
      {"", std::nullopt, {"10.0.0.0/8", "192.0.2.0/24"}, true},
      {"", std::nullopt, {"192.0.2.8"}, false},
      {"", std::nullopt, {"::/0"}, false},
      {"10.0.0.1", std::nullopt, {"10.0.0.1"}, false},
      {"10.0.0.1, 10.0.0.2", depth(1), {"10.0.0.2"}, true},
      {"10.0.0.1, 10.0.0.2", depth(2), {"10.0.0.1"}, true},
      {"10.0.0.1, 10.0.0.2", depth(2), {"10.0.0.2"}, false},
      {"10.0.0.1, 10.0.0.2", depth(3), {"0.0.0.0/0", "::/0"}, false},
      {"", depth(1), {"0.0.0.0/0", "::/0"}, false},
      {"10.0.0.1:4711", depth(1), {"10.0.0.1"}, true},
      {"[2001:db8::1]:4711", depth(1), {"2001:db8::/32"}, true},
      {"2001:db8::1%eth0", depth(1), {"2001:db8::1"}, true},
      {"unknown", depth(1), {"0.0.0.0/0", "::/0"}, false},
      {"10.0.0.1, 10.0.0.2, 10.0.0.3", excluding({"10.0.0.3"}), {"10.0.0.2"}, true},
      {"10.0.0.1, 10.0.0.2", excluding({"10.0.0.0/24"}), {"0.0.0.0/0"}, false},
      {"10.0.0.1, 10.0.0.2",
       config::IpStrategy{.depth = 1, .excluded_ips = {"10.0.0.2"}},
       {"10.0.0.2"},
       true},
  };
  for (const AllowCase& c : cases) {
    const auto middleware = IpAllowList::make({.source_range = c.ranges, .ip_strategy = c.strategy});
    ASSERT_TRUE(middleware.has_value()) << middleware.error();
    TestRequest request("GET /\nHost: a\n" +
                        (c.forwarded_for.empty() ? "" : "X-Forwarded-For: " + c.forwarded_for + "\n"));
    const auto answer = pass(**middleware, request.trusted().context);
    EXPECT_EQ(!answer.has_value(), c.allowed) << c.forwarded_for << " in " << c.ranges.front();
    if (answer) EXPECT_EQ(answer->status, 403);
    if (answer) EXPECT_EQ(answer->body, "Forbidden");
  }
}

TEST(IpAllowList, AnUntrustedProxyIsNotHeard) {
  const auto middleware =
      IpAllowList::make({.source_range = {"10.0.0.1"}, .ip_strategy = config::IpStrategy{.depth = 1}});
  TestRequest request("GET /\nHost: a\nX-Forwarded-For: 10.0.0.1\n");
  EXPECT_TRUE(pass(**middleware, request.context).has_value());
}

TEST(IpAllowList, TheStatusCanBeChosen) {
  const auto middleware = IpAllowList::make({.source_range = {"10.0.0.1"}, .reject_status_code = 404});
  TestRequest request("GET /\nHost: a\n");
  EXPECT_EQ(pass(**middleware, request.context).value_or(Answer{}).status, 404);
}

TEST(IpAllowList, SaysWhatIsAllowed) {
  EXPECT_THAT(IpAllowList::make({}).error(),
              HasSubstr("ipAllowList.sourceRange is empty, expected addresses or ranges"));
  EXPECT_THAT(IpAllowList::make({.source_range = {"10.0.0.0/33"}}).error(),
              HasSubstr("ipAllowList.sourceRange holds \"10.0.0.0/33\", expected an address or a range"));
  EXPECT_THAT(
      IpAllowList::make({.source_range = {"::1"}, .ip_strategy = config::IpStrategy{.excluded_ips = {"x"}}})
          .error(),
      HasSubstr("ipAllowList.ipStrategy.excludedIPs holds \"x\""));
  EXPECT_THAT(IpAllowList::make({.source_range = {"::1"}, .reject_status_code = 200}).error(),
              HasSubstr("expected a status from 400 to 599"));
}

std::string key_of(const std::optional<config::SourceCriterion>& criterion, TestRequest& request,
                   SourceKey::Default otherwise = SourceKey::Default::kAddress) {
  const auto key = SourceKey::make("rateLimit", criterion, otherwise);
  EXPECT_TRUE(key.has_value()) << key.error();
  std::string scratch;
  return std::string(key->of(request.context, scratch));
}

TEST(SourceKey, DefaultsToAddressOrHost) {
  TestRequest request("GET /\nHost: A.example:80\n");
  const auto& bytes = request.context.client.bytes();
  EXPECT_EQ(key_of(std::nullopt, request), std::string(bytes.begin(), bytes.end()));
  EXPECT_EQ(key_of(config::SourceCriterion{}, request, SourceKey::Default::kHost), "a.example");
  EXPECT_EQ(key_of(config::SourceCriterion{.request_host = true}, request), "a.example");
}

TEST(SourceKey, SeesWhatEarlierMiddlewaresSet) {
  const config::SourceCriterion by_user{.request_header_name = "X-User"};
  TestRequest request("GET /\nHost: a\nx-user: sent\n");
  EXPECT_EQ(key_of(by_user, request), "sent");
  request.context.request_edits.set("X-User", "alice");
  EXPECT_EQ(key_of(by_user, request), "alice");
  request.context.request_edits.set("X-User", "");
  EXPECT_EQ(key_of(by_user, request), "");
  request.context.request_edits.add("X-USER", "added");
  EXPECT_EQ(key_of(by_user, request), "added");
}

TEST(SourceKey, OneAddressIsOneSourceHoweverWritten) {
  const config::SourceCriterion by_proxy{.ip_strategy = config::IpStrategy{.depth = 1}};
  TestRequest plain("GET /\nHost: a\nX-Forwarded-For: 2001:db8::1\n");
  TestRequest long_form("GET /\nHost: a\nX-Forwarded-For: [2001:DB8:0::1]:99\n");
  TestRequest nonsense("GET /\nHost: a\nX-Forwarded-For: nonsense\n");
  EXPECT_EQ(key_of(by_proxy, plain.trusted()), key_of(by_proxy, long_form.trusted()));
  EXPECT_EQ(key_of(by_proxy, nonsense.trusted()), "nonsense");
  TestRequest untrusted("GET /\nHost: a\nX-Forwarded-For: 2001:db8::1\n");
  EXPECT_EQ(key_of(by_proxy, untrusted), "");
}

TEST(SourceKey, SaysWhatIsAllowed) {
  const auto error = [](const config::SourceCriterion& criterion) {
    return SourceKey::make("rateLimit", criterion, SourceKey::Default::kHost).error();
  };
  EXPECT_THAT(
      error({.ip_strategy = config::IpStrategy{}, .request_host = true}),
      HasSubstr("rateLimit.sourceCriterion has 2 criteria, expected one of ipStrategy, requestHeaderName and "
                "requestHost"));
  EXPECT_THAT(error({.request_header_name = "X User"}), HasSubstr("expected a header name"));
  EXPECT_THAT(error({.ip_strategy = config::IpStrategy{.excluded_ips = {"1.2.3"}}}),
              HasSubstr("rateLimit.sourceCriterion.ipStrategy.excludedIPs holds \"1.2.3\""));
}

}  // namespace
}  // namespace limpet::proxy
