#include "routing/router_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>

#include "random_rules.h"
#include "routing/snapshot.h"

namespace limpet::routing {
namespace {

/// Routes made of rules, in the order given; named by their number.
class Routes {
 public:
  void add(const std::string& rule, std::int64_t priority) {
    Rule parsed = Rule::parse(rule).value();
    routes_.push_back(std::make_unique<Route>(
        Route{.router = std::to_string(routes_.size()), .rule = std::move(parsed), .priority = priority}));
  }
  [[nodiscard]] RouterTable table() const {
    std::vector<RouterTable::Entry> entries;
    for (const auto& route : routes_) entries.push_back({&route->rule, route.get(), route->priority});
    return RouterTable(std::move(entries));
  }
  /// What a table does, without any index.
  [[nodiscard]] const Route* scan(const Subject& subject) const {
    const Route* best = nullptr;
    for (const auto& route : routes_) {
      if (best != nullptr && route->priority <= best->priority) continue;
      if (route->rule.matches(subject)) best = route.get();
    }
    return best;
  }

 private:
  std::vector<std::unique_ptr<Route>> routes_;
};

std::string name_of(const Route* route) {
  return route == nullptr ? "none" : route->router;
}

std::string found(const RouterTable& table, TestRequest request) {
  return name_of(table.find(request.subject()));
}

TEST(RouterTable, IsEmptyAtFirst) {
  EXPECT_EQ(found(RouterTable(), TestRequest("/")), "none");
}

TEST(RouterTable, TheHighestPriorityWins) {
  Routes routes;
  routes.add("PathPrefix(`/`)", 1);
  routes.add("Host(`a.test`)", 5);
  routes.add("Host(`a.test`) && PathPrefix(`/api`)", 3);
  routes.add("PathPrefix(`/api/v2`)", 7);
  routes.add("Header(`x-admin`, `1`)", 9);
  const RouterTable table = routes.table();
  EXPECT_EQ(found(table, TestRequest("/", "b.test")), "0");
  EXPECT_EQ(found(table, TestRequest("/api", "a.test")), "1");
  EXPECT_EQ(found(table, TestRequest("/api/v2/x", "a.test")), "3");
  EXPECT_EQ(found(table, TestRequest("/api/v2", "a.test").field("X-Admin", "1")), "4");
  EXPECT_EQ(found(table, TestRequest("*", "b.test")), "none");
}

TEST(RouterTable, OfEqualPrioritiesTheFirstWins) {
  Routes routes;
  routes.add("PathPrefix(`/a`)", 5);
  routes.add("Host(`a.test`)", 5);
  routes.add("Path(`/a`) && Host(`a.test`)", 5);
  EXPECT_EQ(found(routes.table(), TestRequest("/a", "a.test")), "0");
  EXPECT_EQ(found(routes.table(), TestRequest("/b", "a.test")), "1");
}

TEST(RouterTable, FindsHostsWithStars) {
  Routes routes;
  routes.add("Host(`**.test`)", 1);
  routes.add("Host(`*.a.test`)", 2);
  routes.add("Host(`b.a.test`)", 3);
  const RouterTable table = routes.table();
  EXPECT_EQ(found(table, TestRequest("/", "b.a.test")), "2");
  EXPECT_EQ(found(table, TestRequest("/", "c.a.test")), "1");
  EXPECT_EQ(found(table, TestRequest("/", "d.c.a.test")), "0");
  EXPECT_EQ(found(table, TestRequest("/", "test")), "none");
}

TEST(RouterTable, TakesRulesWithManyHostsAndPaths) {
  std::string rule;
  for (int i = 0; i < 100; ++i)
    rule += (i == 0 ? "(" : " || ") + std::string("Host(`h") + std::to_string(i) + ".test`)";
  rule += ")";
  for (int i = 0; i < 100; ++i)
    rule += (i == 0 ? " && (" : " || ") + std::string("Path(`/") + std::to_string(i) + "`)";
  Routes routes;
  routes.add(rule + ")", 1);
  EXPECT_EQ(found(routes.table(), TestRequest("/99", "h42.test")), "0");
  EXPECT_EQ(found(routes.table(), TestRequest("/100", "h42.test")), "none");
}

RC_GTEST_PROP(RouterTableProperty, FindsWhatALinearScanFinds, ()) {
  Routes routes;
  const std::size_t count = *rc::gen::inRange<std::size_t>(0, 20);
  for (std::size_t i = 0; i < count; ++i) {
    routes.add(*random_rule(2), *rc::gen::inRange<std::int64_t>(1, 6));
  }
  const RouterTable table = routes.table();
  for (int i = 0; i < 20; ++i) {
    TestRequest request = *random_request();
    const Subject subject = request.subject();
    RC_ASSERT(name_of(table.find(subject)) == name_of(routes.scan(subject)));
  }
}

}  // namespace
}  // namespace limpet::routing
