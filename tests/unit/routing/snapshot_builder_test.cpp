#include "routing/snapshot_builder.h"

#include "build_fixture.h"

namespace limpet::routing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class SnapshotBuilder : public BuildFixture {};

TEST_F(SnapshotBuilder, BuildsNothingOfNothing) {
  build();
  EXPECT_EQ(result.snapshot->revision, 1U);
  EXPECT_EQ(result.snapshot->tables.size(), 3U);
  EXPECT_EQ(reached(TestRequest("/")), "none");
  EXPECT_EQ(result.snapshot->services.size(), 1U);  // noop@internal
  EXPECT_EQ(rebuild().snapshot->revision, 2U);
}

TEST_F(SnapshotBuilder, BuildsRoutersAndServices) {
  auto& app = balancer("app", {"http://10.1.0.1:3000/base/", "http://[2001:db8::1]", "http://app:81"});
  app.capacity = 100;
  app.servers[0].preserve_path = true;
  app.servers[1].capacity = 7;
  app.servers[1].weight = 3;
  app.servers[2].fenced = true;
  router("web", "Host(`a.test`)", "app");
  build();
  EXPECT_EQ(router_verdict("web"), "enabled");
  EXPECT_EQ(service_verdict("app"), "enabled");
  EXPECT_EQ(reached(TestRequest("/", "a.test")), "web@file");
  EXPECT_EQ(route("web").service, result.snapshot->services.at("app@file").get());
  EXPECT_EQ(route("web").chain, nullptr);
  EXPECT_EQ(route("web").priority, 14);
  EXPECT_EQ(result.priorities.at(name("web")), 14);

  const auto& servers = service("app").servers();
  ASSERT_EQ(servers.size(), 3U);
  EXPECT_EQ(servers[0].url, "http://10.1.0.1:3000/base/");
  EXPECT_EQ(servers[0].host, "10.1.0.1:3000");
  EXPECT_EQ(servers[0].path_prefix, "/base");
  EXPECT_EQ(servers[0].capacity, 100U);
  ASSERT_EQ(servers[0].addresses.size(), 1U);
  EXPECT_EQ(servers[0].addresses[0].text(), "10.1.0.1:3000");
  EXPECT_EQ(servers[1].addresses.at(0).text(), "[2001:db8::1]:80");
  EXPECT_EQ(servers[1].path_prefix, "");
  EXPECT_EQ(servers[1].capacity, 7U);
  EXPECT_EQ(servers[1].weight, 3U);
  ASSERT_EQ(servers[2].addresses.size(), 2U);
  EXPECT_EQ(servers[2].addresses[1].text(), "10.0.0.2:81");
  EXPECT_TRUE(servers[2].fenced);
  EXPECT_THAT(resolved, ElementsAre("app"));
}

TEST_F(SnapshotBuilder, LiveStateSurvivesARebuild) {
  auto& app = balancer("app", {"http://10.1.0.1", "http://10.1.0.2"});
  app.sticky = config::Sticky{};
  build();
  const auto state = service("app").servers()[1].state;
  const auto sids = service("app").shared_sids();
  app.servers.erase(app.servers.begin());
  rebuild();
  EXPECT_EQ(service("app").servers().at(0).state, state);
  EXPECT_EQ(service("app").shared_sids(), sids);
  EXPECT_EQ(before->services.size(), 2U);
}

TEST_F(SnapshotBuilder, NamesBelongToTheProviderOfTheirObject) {
  balancer("app@docker", {"http://10.1.0.1"});
  balancer("app@file", {"http://10.1.0.2"});
  middleware("strip@docker", config::StripPrefix{{"/x"}});
  middleware("strip@file", config::StripPrefix{{"/y"}});
  router("r@docker", "Path(`/1`)", "app").middlewares = {"strip"};
  router("r@file", "Path(`/2`)", "app@docker").middlewares = {"strip@docker", "strip"};
  router("missing@docker", "Path(`/3`)", "other").middlewares = {"gone"};
  build();
  EXPECT_EQ(route("r@docker").service->name, "app@docker");
  EXPECT_THAT(dynamic_cast<const TestChain&>(*route("r@docker").chain).links, ElementsAre("strip@docker"));
  EXPECT_EQ(route("r@file").service->name, "app@docker");
  EXPECT_THAT(dynamic_cast<const TestChain&>(*route("r@file").chain).links,
              ElementsAre("strip@docker", "strip@file"));
  EXPECT_EQ(
      router_verdict("missing@docker"),
      "disabled: the service \"other@docker\" does not exist; the middleware \"gone@docker\" does not exist");
  EXPECT_THAT(result.services.at(name("app@docker")).users(), ElementsAre("r@docker", "r@file"));
  EXPECT_THAT(result.services.at(name("app@file")).users(), IsEmpty());
  EXPECT_THAT(result.middlewares.at(name("strip@docker")).users(), ElementsAre("r@docker", "r@file"));
}

TEST_F(SnapshotBuilder, RoutersWithoutEntryPointsGoToTheDefaultOnes) {
  balancer("app", {"http://10.1.0.1"});
  router("all", "Path(`/`)", "app");
  router("some", "Path(`/some`)", "app").entry_points = {"traefik", "ws", "ws", "gone"};
  router("none", "Path(`/none`)", "app").entry_points = {"gone"};
  build();
  EXPECT_EQ(reached(TestRequest("/"), "web"), "all@file");
  EXPECT_EQ(reached(TestRequest("/"), "ws"), "all@file");
  EXPECT_EQ(reached(TestRequest("/"), "traefik"), "none");
  EXPECT_EQ(reached(TestRequest("/some"), "web"), "none");
  EXPECT_EQ(reached(TestRequest("/some"), "ws"), "some@file");
  EXPECT_EQ(router_verdict("some"), "warning: entryPoint \"gone\" doesn't exist");
  EXPECT_EQ(router_verdict("none"),
            "disabled: entryPoint \"gone\" doesn't exist; no valid entryPoint for this router");
  EXPECT_THAT(result.routers.at(name("some")).users(), ElementsAre("traefik", "ws"));

  input.entry_points["ws"].as_default = true;
  rebuild();
  EXPECT_EQ(reached(TestRequest("/"), "web"), "none");
  EXPECT_EQ(reached(TestRequest("/"), "ws"), "all@file");
}

TEST_F(SnapshotBuilder, PrioritiesAreTraefiks) {
  balancer("app", {"http://10.1.0.1"});
  router("long", "PathPrefix(`/`) && Method(`GET`)", "app");
  router("short", "PathPrefix(`/a`)", "app");
  router("b", "PathPrefix(`/b`)", "app").priority = 40;
  router("a", "PathPrefix(`/`) && PathPrefix(`/b`)", "app").priority = 40;
  router("huge", "PathPrefix(`/`)", "app").priority = std::numeric_limits<std::int64_t>::max();
  router("huge@internal", "Path(`/ping`)", "ping").priority = std::numeric_limits<std::int64_t>::max();
  router("low", "PathPrefix(`/`)", "app").priority = -5;
  input.internal_services = {InternalService::kPing};
  build();
  EXPECT_EQ(reached(TestRequest("/a")), "long@file");
  EXPECT_EQ(reached(TestRequest("/a").method("PUT")), "short@file");
  EXPECT_EQ(reached(TestRequest("/b")), "a@file");
  EXPECT_EQ(reached(TestRequest("/ping")), "huge@internal");
  EXPECT_EQ(reached(TestRequest("/x").method("PUT")), "low@file");
  EXPECT_THAT(router_verdict("huge"), StartsWith("disabled: expected at most 9223372036854774807"));
}

TEST_F(SnapshotBuilder, ABrokenRuleDisablesItsRouterOnly) {
  balancer("app", {"http://10.1.0.1"});
  router("good", "Path(`/`)", "app");
  config::Router& bad = router("bad", "Host(`a.test`) && Pth(`/`)", "app");
  bad.rule_place = {"dynamic.yml", 4, 13};
  router("empty", "", "app");
  router("homeless", "Path(`/`)", "");
  build();
  EXPECT_EQ(reached(TestRequest("/")), "good@file");
  EXPECT_THAT(router_verdict("bad"), HasSubstr("did you mean Path? at column 19 of the rule"));
  EXPECT_EQ(result.routers.at(name("bad")).problems()[0].place.text(), "dynamic.yml:4:31");
  EXPECT_EQ(result.routers.at(name("bad")).problems()[0].key, "http.routers.bad.rule");
  EXPECT_THAT(router_verdict("empty"), StartsWith("disabled: expected a rule"));
  EXPECT_EQ(router_verdict("homeless"), "disabled: the service is missing on the router");
  EXPECT_EQ(result.snapshot->routes.size(), 1U);
}

TEST_F(SnapshotBuilder, InternalServicesAreThoseSwitchedOn) {
  input.internal_services = {InternalService::kApi};
  router("api", "PathPrefix(`/api`)", "api@internal");
  router("ping", "Path(`/ping`)", "ping@internal");
  router("noop", "Path(`/noop`)", "noop@internal");
  router("other", "Path(`/x`)", "other@internal");
  build();
  EXPECT_EQ(std::get<InternalService>(route("api").service->kind), InternalService::kApi);
  EXPECT_EQ(std::get<InternalService>(route("noop").service->kind), InternalService::kNoop);
  EXPECT_EQ(router_verdict("ping"),
            "disabled: the service \"ping@internal\" is not switched on in the static configuration");
  EXPECT_EQ(router_verdict("other"), "disabled: the service \"other@internal\" does not exist");
}

TEST_F(SnapshotBuilder, UnusableServersAreLeftOut) {
  balancer("app", {"http://10.1.0.1", "10.1.0.2:80", "https://10.1.0.3", "http://10.1.0.1", "http://gone",
                   "http://empty"});
  balancer("none", {"ws://a"});
  balancer("idle", {});
  router("web", "Path(`/`)", "none");
  router("idle", "Path(`/idle`)", "idle");
  build();
  const auto& problems = result.services.at(name("app")).problems();
  ASSERT_EQ(problems.size(), 5U);
  EXPECT_EQ(problems[0].key, "http.services.app.loadBalancer.servers[1].url");
  EXPECT_THAT(problems[0].message, HasSubstr("is left out: expected a URL such as"));
  EXPECT_THAT(problems[1].message, HasSubstr("https is not supported for servers"));
  EXPECT_EQ(problems[2].message, "the server http://gone is taken as down: no such host: gone");
  EXPECT_EQ(problems[3].message, "the server http://empty is taken as down: the name empty has no address");
  EXPECT_EQ(problems[4].message,
            "the server http://10.1.0.1 is listed more than once; the first entry counts");
  EXPECT_EQ(result.services.at(name("app")).status(), "warning");
  EXPECT_EQ(service("app").servers().size(), 3U);
  EXPECT_EQ(result.services.at(name("none")).status(), "disabled");
  EXPECT_THAT(router_verdict("web"),
              "disabled: the service \"none@file\" is disabled: none of the servers can be used");
  EXPECT_EQ(router_verdict("idle"), "enabled");
}

TEST_F(SnapshotBuilder, AServiceThatContradictsItselfDisablesItsRouters) {
  balancer("app", {"http://app:3000"}).sticky.emplace().cookie.emplace().format = config::CookieFormat::kHmac;
  router("web", "Path(`/`)", "app");
  build();
  EXPECT_EQ(result.services.at(name("app")).problems().front().key,
            "http.services.app.loadBalancer.sticky.cookie.secret");
  EXPECT_EQ(router_verdict("web"),
            "disabled: the service \"app@file\" is disabled: expected a secret, since format is hmac");
}

TEST_F(SnapshotBuilder, SuggestsASimilarService) {
  balancer("webapp", {"http://10.1.0.1"});
  router("web", "Path(`/`)", "webap");
  build();
  EXPECT_EQ(router_verdict("web"),
            "disabled: the service \"webap@file\" does not exist; did you mean \"webapp@file\"?");
}

TEST_F(SnapshotBuilder, ServicesThatDependOnBrokenOnesAreDisabled) {
  balancer("app", {"http://10.1.0.1"});
  balancer("broken", {"nonsense"});
  weighted("w", {{"app", 1}, {"broken", 1}, {"nowhere", 1}});
  failover("f", "w", "app");
  failover("nameless", "app", "");
  weighted("weightless", {{"app", 0}});
  weighted("childless", {});
  weighted("good", {{"app", 2}, {"noop@internal", 1}});
  router("r", "Path(`/`)", "f");
  build();
  EXPECT_EQ(service_verdict("w"),
            "disabled: the service \"broken@file\" is disabled: none of the servers can be used; the service "
            "\"nowhere@file\" does not exist");
  EXPECT_THAT(service_verdict("f"),
              StartsWith("disabled: the service \"w@file\" is disabled: the service \"broken"));
  EXPECT_EQ(service_verdict("nameless"), "disabled: expected the name of a service");
  EXPECT_EQ(service_verdict("weightless"), "disabled: expected at least one service with a weight above 0");
  EXPECT_EQ(service_verdict("childless"), "disabled: expected at least one service with a weight above 0");
  EXPECT_EQ(service_verdict("good"), "enabled");
  EXPECT_THAT(router_verdict("r"), StartsWith("disabled: the service \"f@file\" is disabled"));
  EXPECT_EQ(result.services.at(name("w")).problems()[1].key, "http.services.w.weighted.services[2].name");
}

TEST_F(SnapshotBuilder, ServicesInACircleAreDisabled) {
  balancer("app", {"http://10.1.0.1"});
  weighted("a", {{"b", 1}, {"app", 1}});
  failover("b", "app", "c");
  weighted("c", {{"a", 1}});
  weighted("self", {{"self", 1}});
  build();
  EXPECT_THAT(service_verdict("c"), "disabled: the service \"a@file\" depends on itself through this one");
  EXPECT_THAT(service_verdict("b"), HasSubstr("the service \"c@file\" is disabled"));
  EXPECT_THAT(service_verdict("a"), HasSubstr("the service \"b@file\" is disabled"));
  EXPECT_THAT(service_verdict("self"), HasSubstr("depends on itself"));
  EXPECT_EQ(service_verdict("app"), "enabled");
}

TEST_F(SnapshotBuilder, ServicesWithinEachOtherAreLimited) {
  balancer("s0", {"http://10.1.0.1"});
  for (int i = 1; i <= 500; ++i) {
    weighted("s" + std::to_string(i), {{"s" + std::to_string(i - 1), 1}});
  }
  build();
  EXPECT_EQ(service_verdict("s8"), "enabled");
  EXPECT_EQ(service_verdict("s9"),
            "disabled: expected at most 8 weighted and failover services within each other");
  EXPECT_EQ(result.services.at(name("s500")).status(), "disabled");
}

TEST_F(SnapshotBuilder, WaysToLeavesAreLimited) {
  balancer("s0", {"http://10.1.0.1"});
  for (int i = 1; i <= 3; ++i) {
    const std::vector<config::WeightedChild> children(40, {"s" + std::to_string(i - 1), 1});
    weighted("s" + std::to_string(i), children);
  }
  build();
  EXPECT_EQ(service_verdict("s2"), "enabled");
  EXPECT_THAT(service_verdict("s3"), StartsWith("disabled: expected at most 10000 services behind this one"));
}

TEST_F(SnapshotBuilder, ChainsAreTakenApart) {
  balancer("app", {"http://10.1.0.1"});
  middleware("one@docker", config::AddPrefix{"/1"});
  middleware("two@docker", config::AddPrefix{"/2"});
  middleware("inner@docker", config::Chain{{"two", "one"}});
  middleware("outer", config::Chain{{"inner@docker", "three"}});
  middleware("three", config::AddPrefix{"/3"});
  router("r", "Path(`/`)", "app").middlewares = {"three", "outer"};
  build();
  EXPECT_THAT(dynamic_cast<const TestChain&>(*route("r").chain).links,
              ElementsAre("three@file", "two@docker", "one@docker", "three@file"));
}

TEST_F(SnapshotBuilder, BrokenMiddlewaresDisableTheirRouters) {
  balancer("app", {"http://10.1.0.1"});
  middleware("bad", config::AddPrefix{"x"});
  middleware("unused", config::AddPrefix{"y"});
  middleware("loop", config::Chain{{"pool"}});
  middleware("pool", config::Chain{{"loop"}});
  middleware("partial", config::Chain{{"gone"}});
  router("bad", "Path(`/1`)", "app").middlewares = {"bad"};
  router("loop", "Path(`/2`)", "app").middlewares = {"loop"};
  router("partial", "Path(`/3`)", "app").middlewares = {"partial"};
  router("good", "Path(`/4`)", "app");
  build();
  EXPECT_EQ(middleware_verdict("bad"), "disabled: expected a prefix that begins with \"/\"");
  EXPECT_EQ(router_verdict("bad"),
            "disabled: the middleware \"bad@file\" is disabled: expected a prefix that begins with \"/\"");
  EXPECT_EQ(middleware_verdict("unused"), "disabled: expected a prefix that begins with \"/\"");
  EXPECT_THAT(router_verdict("loop"), HasSubstr("contains itself: loop@file -> pool@file -> loop@file"));
  EXPECT_THAT(middleware_verdict("loop"), HasSubstr("contains itself"));
  EXPECT_EQ(middleware_verdict("partial"), "disabled: the middleware \"gone@file\" does not exist");
  EXPECT_EQ(reached(TestRequest("/4")), "good@file");
  EXPECT_EQ(result.snapshot->routes.size(), 1U);
}

TEST_F(SnapshotBuilder, ChainsThatMultiplyAreRefused) {
  balancer("app", {"http://10.1.0.1"});
  middleware("m0", config::AddPrefix{"/x"});
  for (int i = 1; i < 40; ++i) {
    const std::string inner = "m" + std::to_string(i - 1);
    middleware("m" + std::to_string(i), config::Chain{{inner, inner}});
  }
  router("r", "Path(`/`)", "app").middlewares = {"m39"};
  middleware("e0", config::Chain{});
  for (int i = 1; i < 40; ++i) {
    const std::string inner = "e" + std::to_string(i - 1);
    middleware("e" + std::to_string(i), config::Chain{{inner, inner}});
  }
  router("e", "Path(`/e`)", "app").middlewares = {"e39"};
  middleware("unused", config::Chain{std::vector<std::string>(101, "m0")});
  build();
  EXPECT_EQ(router_verdict("r"), "disabled: expected at most 100 middlewares in a chain");
  EXPECT_EQ(router_verdict("e"), "disabled: expected at most 100 middlewares in a chain");
  EXPECT_EQ(middleware_verdict("m6"), "enabled");
  EXPECT_EQ(middleware_verdict("unused"), "disabled: expected at most 100 middlewares in a chain");
}

TEST_F(SnapshotBuilder, UnchangedChainsLiveOn) {
  balancer("app", {"http://10.1.0.1"});
  middleware("limit", config::RateLimit{.average = 10});
  router("a", "Path(`/a`)", "app").middlewares = {"limit"};
  router("b", "Path(`/b`)", "app").middlewares = {"limit"};
  build();
  EXPECT_EQ(chains_made, 2);
  const auto a = route("a").chain;
  EXPECT_NE(a, route("b").chain);  // limits are a router's own

  input.middlewares[name("limit")].place = {"dynamic.yml", 99, 1};  // only moved
  rebuild();
  EXPECT_EQ(chains_made, 2);
  EXPECT_EQ(route("a").chain, a);

  input.middlewares[name("limit")].kind = config::RateLimit{.average = 11};
  rebuild();
  EXPECT_EQ(chains_made, 4);
  EXPECT_EQ(chains_with_previous, 2);
  EXPECT_NE(route("a").chain, a);
}

TEST_F(SnapshotBuilder, AnEntryPointWithBrokenMiddlewaresServesNothing) {
  balancer("app", {"http://10.1.0.1"});
  middleware("add", config::AddPrefix{"/a"});
  input.entry_points["web"].middlewares = {"auth@file", "add"};
  input.entry_points["ws"].middlewares = {"add@file"};
  router("both", "Path(`/`)", "app");
  router("web", "Path(`/web`)", "app").entry_points = {"web"};
  build();
  EXPECT_EQ(reached(TestRequest("/"), "web"), "none");
  EXPECT_EQ(reached(TestRequest("/"), "ws"), "both@file");
  EXPECT_EQ(router_verdict("both"),
            "warning: entryPoint \"web\" serves nothing: the middleware \"auth@file\" does not exist");
  EXPECT_THAT(router_verdict("web"), StartsWith("disabled"));
  ASSERT_EQ(result.entry_points.items().size(), 2U);
  EXPECT_EQ(result.entry_points.items()[0].key, "entryPoints.web.http.middlewares");
  EXPECT_EQ(result.snapshot->entry_point_chains.size(), 1U);
  EXPECT_THAT(dynamic_cast<const TestChain&>(*result.snapshot->entry_point_chains.at("ws")).links,
              ElementsAre("add@file"));
}

TEST_F(SnapshotBuilder, BuildsFiveThousandServersAndAThousandRouters) {
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    auto& made = balancer("s" + n, {});
    made.sticky = config::Sticky{.cookie = config::StickyCookie{}};
    for (int k = 0; k < 5; ++k) {
      made.servers.push_back({.url = "http://10." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
                                     "." + std::to_string(k + 1) + ":3000"});
    }
    router("r" + n, "Host(`app" + n + ".test`) && PathPrefix(`/`)", "s" + n);
  }
  build();
  EXPECT_EQ(result.snapshot->routes.size(), 1000U);
  EXPECT_EQ(registry.size(), 5000U);
  EXPECT_THAT(resolved, IsEmpty());
  EXPECT_EQ(reached(TestRequest("/x", "app777.test")), "r777@file");
}

}  // namespace
}  // namespace limpet::routing
