#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>

#include "config/bind.h"
#include "config/readers/toml.h"
#include "config/readers/yaml.h"

namespace limpet::config {
namespace {

using namespace std::chrono_literals;

struct Bound {
  Dynamic dynamic;
  base::Diagnostics problems;
};

Bound bind(std::string_view text, bool lenient = false) {
  auto node = read_yaml(text, "d.yml");
  Bound out;
  if (!node) {
    out.problems = node.error();
    return out;
  }
  out.dynamic = bind_dynamic(*node, {.lenient = lenient}, out.problems);
  return out;
}

constexpr std::string_view kWhole = R"(http:
  routers:
    web:
      entryPoints: [web, admin]
      rule: Host(`a.example`)
      service: app
      middlewares: [strip]
      priority: 7
  services:
    app:
      loadBalancer:
        servers:
          - url: http://10.0.0.1:3000
            weight: 3
          - url: http://10.0.0.2:3000
            capacity: 100
        strategy: LeastConn
        passHostHeader: false
        responseForwarding: {flushInterval: -1ms}
        sticky:
          cookie: {name: ws-session, sameSite: Lax, maxAge: 60, format: sha256}
          sources: [cookie, "query:server", sid]
          onDown: wait
          waitTimeout: 20
        healthCheck: {path: /health, interval: 10s, headers: {X-A: b}}
        passiveHealthCheck: {}
        capacity: 200
        tunnelIdleTimeout: 1h
    split:
      weighted:
        services: [{name: app, weight: 9}, {name: other}]
    safe:
      failover: {service: app, fallback: other}
  middlewares:
    strip:
      stripPrefix: {prefixes: [/api]}
    limit:
      rateLimit: {average: 10, period: 1m, burst: 20, sourceCriterion: {ipStrategy: {depth: 1}}}
)";

TEST(BindDynamic, ReadsAWholeConfiguration) {
  const Bound bound = bind(kWhole);
  ASSERT_TRUE(bound.problems.empty()) << bound.problems.text();
  const Router& web = bound.dynamic.routers.at("web");
  EXPECT_EQ(web.entry_points, (std::vector<std::string>{"web", "admin"}));
  EXPECT_EQ(web.rule, "Host(`a.example`)");
  EXPECT_EQ(web.priority, 7);
  EXPECT_EQ(web.place.text(), "d.yml:3:5");
  EXPECT_EQ(web.rule_place.text(), "d.yml:5:13");

  const auto& app = std::get<LoadBalancer>(bound.dynamic.services.at("app").kind);
  ASSERT_EQ(app.servers.size(), 2U);
  EXPECT_EQ(app.servers[0].weight, 3U);
  EXPECT_EQ(app.servers[1].capacity, 100U);
  EXPECT_EQ(app.servers[1].place.text(), "d.yml:15:13");
  EXPECT_EQ(app.strategy, Strategy::kLeastConn);
  EXPECT_FALSE(app.pass_host_header);
  EXPECT_EQ(app.flush_interval, -1ms);
  ASSERT_TRUE(app.sticky && app.sticky->cookie);
  EXPECT_EQ(app.sticky->cookie->name, "ws-session");
  EXPECT_EQ(app.sticky->cookie->same_site, SameSite::kLax);
  EXPECT_EQ(app.sticky->cookie->format, CookieFormat::kSha256);
  EXPECT_EQ(app.sticky->cookie->path, "/");
  ASSERT_EQ(app.sticky->sources.size(), 3U);
  EXPECT_EQ(app.sticky->sources[1], (StickySource{StickySourceKind::kQuery, "server"}));
  EXPECT_EQ(app.sticky->on_down, LostPolicy::kWait);
  EXPECT_EQ(app.sticky->wait_timeout, 20s);
  ASSERT_TRUE(app.health_check);
  EXPECT_EQ(app.health_check->interval, 10s);
  EXPECT_EQ(app.health_check->headers.at("X-A"), "b");
  EXPECT_TRUE(app.passive_health_check);
  EXPECT_EQ(app.tunnel_idle_timeout, 1h);

  const auto& split = std::get<Weighted>(bound.dynamic.services.at("split").kind);
  ASSERT_EQ(split.services.size(), 2U);
  EXPECT_EQ(split.services[1].weight, 1U);
  EXPECT_EQ(std::get<Failover>(bound.dynamic.services.at("safe").kind).fallback, "other");
  EXPECT_EQ(std::get<StripPrefix>(bound.dynamic.middlewares.at("strip").kind).prefixes.front(), "/api");
  const auto& limit = std::get<RateLimit>(bound.dynamic.middlewares.at("limit").kind);
  EXPECT_EQ(limit.period, 1min);
  EXPECT_EQ(limit.source_criterion->ip_strategy->depth, 1U);
}

TEST(BindDynamic, TomlGivesTheSame) {
  const auto node = read_toml(
      "[http.routers.web]\nrule = \"Host(`a`)\"\nservice = \"app\"\n"
      "[[http.services.app.loadBalancer.servers]]\nurl = \"http://a:1\"\n"
      "[http.services.app.loadBalancer.sticky.cookie]\n",
      "d.toml");
  ASSERT_TRUE(node);
  base::Diagnostics problems;
  const Dynamic dynamic = bind_dynamic(*node, {}, problems);
  ASSERT_TRUE(problems.empty()) << problems.text();
  const auto& app = std::get<LoadBalancer>(dynamic.services.at("app").kind);
  EXPECT_EQ(app.servers.at(0).url, "http://a:1");
  EXPECT_TRUE(app.sticky->cookie);
}

TEST(BindDynamic, EveryProblemIsReportedWithPlaceAndNearestKey) {
  const Bound bound = bind(R"(http:
  routers:
    web:
      ruel: Host(`a`)
      service: app
      priority: high
  services:
    app:
      loadBalancer:
        servers: http://a
        sticky: {cookie: {sameSite: laxx}}
        healthCheck: {interval: 90sec, status: 1000, followRedirects: maybe}
        capacity: 5 per server
    none: {}
    two:
      loadBalancer: {servers: []}
      failover: {service: a, fallback: b}
  middlewares:
    x:
      rateLimit: {average: -1}
)");
  EXPECT_EQ(
      bound.problems.text(),
      "d.yml:6:17: error: http.routers.web.priority: expected a whole number, got \"high\"\n"
      "d.yml:4:7: error: http.routers.web.ruel: unknown key, did you mean rule?\n"
      "d.yml:11:37: error: http.services.app.loadBalancer.sticky.cookie.sameSite: expected none, lax, "
      "strict, got "
      "\"laxx\", did you mean lax?\n"
      "d.yml:10:18: error: http.services.app.loadBalancer.servers: expected a list, got \"http://a\"\n"
      "d.yml:12:48: error: http.services.app.loadBalancer.healthCheck.status: expected a whole number from 0 "
      "to "
      "599, got \"1000\"\n"
      "d.yml:12:35: error: http.services.app.loadBalancer.healthCheck.interval: expected a unit: ns, us, ms, "
      "s, m "
      "or h, got \"90sec\"\n"
      "d.yml:12:71: error: http.services.app.loadBalancer.healthCheck.followRedirects: expected true or "
      "false, got "
      "\"maybe\"\n"
      "d.yml:13:19: error: http.services.app.loadBalancer.capacity: expected a whole number from 0 to "
      "10000000, "
      "got \"5 per server\"\n"
      "d.yml:14:11: error: http.services.none: expected one of loadBalancer, weighted, failover\n"
      "d.yml:16:7: error: http.services.two: expected one of loadBalancer, failover, not several\n"
      "d.yml:20:28: error: http.middlewares.x.rateLimit.average: expected a whole number of at least 0, got "
      "\"-1\"\n");
}

TEST(BindDynamic, KeysAreEqualWhateverTheirCase) {
  const Bound bound = bind("HTTP: {Routers: {Web: {RULE: x, entrypoints: [a]}}}\n");
  ASSERT_TRUE(bound.problems.empty()) << bound.problems.text();
  EXPECT_EQ(bound.dynamic.routers.at("Web").rule, "x");
  const Bound twice = bind("http: {routers: {w: {rule: x, Rule: y}}}\n");
  EXPECT_EQ(twice.problems.text(),
            "d.yml:1:31: error: http.routers.w.Rule: given twice, first as rule at line 1\n");
}

TEST(BindDynamic, UnsupportedKeysAreErrorsAndInLenientModeWarnings) {
  constexpr std::string_view kText =
      "http: {routers: {w: {rule: x, service: s, tls: {}, observability: {tracing: false}}}}\ntcp: {}\n";
  EXPECT_EQ(bind(kText).problems.text(),
            "d.yml:1:43: error: http.routers.w.tls: not supported yet\n"
            "d.yml:1:52: error: http.routers.w.observability: not supported yet\n"
            "d.yml:2:1: error: tcp: not supported yet\n");
  const Bound lenient = bind(kText, true);
  EXPECT_EQ(lenient.problems.text(),
            "d.yml:1:43: warning: http.routers.w.tls: not supported yet, ignored\n"
            "d.yml:1:52: warning: http.routers.w.observability: not supported yet, ignored\n"
            "d.yml:2:1: warning: tcp: not supported yet, ignored\n");
  EXPECT_EQ(lenient.dynamic.routers.at("w").rule, "x");
}

TEST(BindDynamic, LenientModeKeepsOutWhatWouldProtectAndPassesOverWhatWouldNot) {
  const Bound bound = bind(
      "http:\n  middlewares:\n    auth: {forwardAuth: {address: http://a}}\n    zip: {compress: {}}\n"
      "  services:\n    m: {mirroring: {service: a}}\n",
      true);
  EXPECT_FALSE(bound.problems.has_errors()) << bound.problems.text();
  EXPECT_FALSE(bound.dynamic.middlewares.contains("auth"));
  EXPECT_FALSE(bound.dynamic.services.contains("m"));
  ASSERT_TRUE(bound.dynamic.middlewares.contains("zip"));
  EXPECT_EQ(std::get<Chain>(bound.dynamic.middlewares.at("zip").kind), Chain{});
}

TEST(BindDynamic, UnknownKeysAreIgnoredInLenientModeButBadValuesAreNot) {
  const Bound bound = bind("http: {routers: {w: {rule: x, zzz: 1, priority: p}}}\n", true);
  EXPECT_EQ(bound.problems.text(),
            "d.yml:1:49: error: http.routers.w.priority: expected a whole number, got \"p\"\n"
            "d.yml:1:31: warning: http.routers.w.zzz: unknown key, known here: entryPoints, middlewares, "
            "service, rule, "
            "priority (ignored)\n");
}

TEST(BindDynamic, BareTrueSwitchesAGroupOn) {
  const Bound on = bind("http: {services: {s: {loadBalancer: {sticky: true}}}}\n");
  ASSERT_TRUE(on.problems.empty()) << on.problems.text();
  EXPECT_EQ(std::get<LoadBalancer>(on.dynamic.services.at("s").kind).sticky->cookie, StickyCookie{});
  const Bound cookie = bind("http: {services: {s: {loadBalancer: {sticky: {cookie: true}}}}}\n");
  EXPECT_EQ(std::get<LoadBalancer>(cookie.dynamic.services.at("s").kind).sticky->cookie, StickyCookie{});
  const Bound off = bind("http: {services: {s: {loadBalancer: {sticky: false}}}}\n");
  EXPECT_FALSE(std::get<LoadBalancer>(off.dynamic.services.at("s").kind).sticky);
  const Bound empty = bind("http: {services: {s: {loadBalancer: {healthCheck: }}}}\n");
  EXPECT_EQ(empty.problems.text(),
            "d.yml:1:51: warning: http.services.s.loadBalancer.healthCheck: empty, so it is off; write {} to "
            "switch it "
            "on\n");
  const Bound bad = bind("http: {services: {s: {loadBalancer: {sticky: maybe}}}}\n");
  EXPECT_EQ(
      bad.problems.text(),
      "d.yml:1:46: error: http.services.s.loadBalancer.sticky: expected keys below it, got \"maybe\"\n");
}

TEST(BindDynamic, OldIpWhiteListIsIpAllowList) {
  const Bound bound = bind("http: {middlewares: {m: {ipWhiteList: {sourceRange: [10.0.0.0/8]}}}}\n");
  ASSERT_TRUE(bound.problems.empty()) << bound.problems.text();
  EXPECT_EQ(std::get<IpAllowList>(bound.dynamic.middlewares.at("m").kind).source_range.front(), "10.0.0.0/8");
}

TEST(BindDynamic, StickySourcesPointAtTheirMistake) {
  const Bound bound =
      bind("http: {services: {s: {loadBalancer: {sticky: {sources: [\"path:s\", cooky]}}}}}\n");
  EXPECT_EQ(bound.problems.text(),
            "d.yml:1:63: error: http.services.s.loadBalancer.sticky.sources: expected a prefix between "
            "slashes, such as "
            "path:/s/, got \"path:s\"\n"
            "d.yml:1:67: error: http.services.s.loadBalancer.sticky.sources: expected a sticky source: "
            "cookie, sid, "
            "query:NAME, header:NAME, path:/PREFIX/, got \"cooky\"\n");
}

}  // namespace
}  // namespace limpet::config
