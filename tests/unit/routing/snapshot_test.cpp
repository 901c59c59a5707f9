#include "routing/snapshot.h"

#include <map>

#include "build_fixture.h"

namespace limpet::routing {
namespace {

using testing::HasSubstr;

class ResolveLeaf : public BuildFixture {
 protected:
  ResolveLeaf() {
    balancer("a", {"http://10.1.0.1"});
    balancer("b", {"http://10.1.0.2"});
  }
  void set_health(std::string_view at, balancing::Health health) {
    service(at).servers()[0].state->set_health(health);
  }
  /// The leaf that a request with this Cookie field reaches; its new cookies are in `cookies`.
  std::string leaf(std::string_view at, const std::string& cookie = "") {
    TestRequest request("/");
    if (!cookie.empty()) request.field("Cookie", cookie);
    cookies.clear();
    return resolve_leaf(*result.snapshot->services.at(name(at).text()), *request.subject().head, now, cookies)
        ->name;
  }
  std::map<std::string, int> spread(std::string_view at, int count) {
    std::map<std::string, int> counts;
    for (int i = 0; i < count; ++i) ++counts[leaf(at)];
    return counts;
  }

  base::TimePoint now{std::chrono::hours(1)};
  std::vector<std::string> cookies;
};

TEST_F(ResolveLeaf, APlainServiceIsItsOwnLeaf) {
  build();
  EXPECT_EQ(leaf("a"), "a@file");
  EXPECT_TRUE(cookies.empty());
}

TEST_F(ResolveLeaf, WeightsAreKept) {
  weighted("w", {{"a", 3}, {"b", 1}});
  build();
  EXPECT_EQ(spread("w", 400), (std::map<std::string, int>{{"a@file", 300}, {"b@file", 100}}));
}

TEST_F(ResolveLeaf, ChildrenThatAreDownAreLeftOut) {
  balancer("c", {"http://10.1.0.3"});
  weighted("w", {{"a", 8}, {"b", 1}, {"c", 1}});
  build();
  set_health("a", balancing::Health::kDown);
  const auto counts = spread("w", 1000);
  EXPECT_FALSE(counts.contains("a@file"));
  EXPECT_NEAR(counts.at("b@file"), 500, 100);
  set_health("b", balancing::Health::kDown);
  set_health("c", balancing::Health::kDown);
  EXPECT_EQ(spread("w", 10).size(), 3U);  // someone must answer: as the schedule says
}

TEST_F(ResolveLeaf, AWeightedServiceBindsByItsCookie) {
  auto& settings = weighted("w", {{"a", 1}, {"b", 1}, {"c", 0}});
  balancer("c", {"http://10.1.0.3"});
  settings.sticky = config::Sticky{.cookie = config::StickyCookie{.name = "split", .secure = true}};
  build();
  const auto& node = *std::get<std::unique_ptr<WeightedNode>>(result.snapshot->services.at("w@file")->kind);
  EXPECT_EQ(node.children[0].cookie_value, balancing::cookie_value("a", config::CookieFormat::kFnv1a));

  const std::string first = leaf("w");
  ASSERT_EQ(cookies.size(), 1U);
  EXPECT_THAT(cookies[0], HasSubstr("split="));
  EXPECT_THAT(cookies[0], HasSubstr("Secure"));

  for (const std::size_t child : {0U, 1U, 2U}) {
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(leaf("w", "x=y; split=" + node.children[child].cookie_value),
                node.children[child].node->name);
      EXPECT_TRUE(cookies.empty());
    }
    for (const std::string& value : balancing::accepted_cookie_values(node.children[child].name)) {
      EXPECT_EQ(leaf("w", "split=" + value), node.children[child].node->name) << value;
      EXPECT_EQ(cookies.size(), value == node.children[child].cookie_value ? 0U : 1U) << value;
    }
  }
  leaf("w", "split=unknown");
  EXPECT_EQ(cookies.size(), 1U);
}

TEST_F(ResolveLeaf, ABoundUserOfAChildThatIsDownMoves) {
  weighted("w", {{"a", 1}, {"b", 1}}).sticky =
      config::Sticky{.cookie = config::StickyCookie{.name = "split"}};
  build();
  const std::string value = balancing::cookie_value("a", config::CookieFormat::kFnv1a);
  EXPECT_EQ(leaf("w", "split=" + value), "a@file");
  set_health("a", balancing::Health::kDown);
  EXPECT_EQ(leaf("w", "split=" + value), "b@file");
  ASSERT_EQ(cookies.size(), 1U);
  EXPECT_THAT(cookies[0], HasSubstr(balancing::cookie_value("b", config::CookieFormat::kFnv1a)));
}

TEST_F(ResolveLeaf, TheWeightedCookieHasTraefiksDefaultName) {
  weighted("w", {{"a", 1}}).sticky = config::Sticky{.cookie = config::StickyCookie{}};
  build();
  leaf("w");
  ASSERT_EQ(cookies.size(), 1U);
  EXPECT_THAT(cookies[0], testing::StartsWith(balancing::default_cookie_name("w@file") + "="));
}

TEST_F(ResolveLeaf, FailoverGoesToTheFallbackWhileTheMainServiceIsDown) {
  failover("f", "a", "b");
  weighted("w", {{"f", 1}});
  failover("g", "w", "noop@internal");
  build();
  EXPECT_EQ(leaf("g"), "a@file");
  set_health("a", balancing::Health::kDown);
  EXPECT_EQ(leaf("f"), "b@file");
  EXPECT_EQ(leaf("g"), "b@file");
  set_health("b", balancing::Health::kDown);
  EXPECT_EQ(leaf("g"), "noop@internal");
  set_health("a", balancing::Health::kUp);
  EXPECT_EQ(leaf("g"), "a@file");
}

TEST_F(ResolveLeaf, AServiceWithoutServersIsDown) {
  balancer("empty", {});
  failover("f", "empty", "a");
  build();
  EXPECT_FALSE(result.snapshot->services.at("empty@file")->is_up(now));
  EXPECT_EQ(leaf("f"), "a@file");
}

}  // namespace
}  // namespace limpet::routing
