#include "config/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace limpet::config {
namespace {

using namespace std::chrono_literals;

Service service_of(LoadBalancer settings) {
  Service service;
  service.kind = std::move(settings);
  return service;
}

TEST(Json, LoadBalancerHasTraefiksShape) {
  LoadBalancer settings;
  settings.servers.push_back({.url = "http://172.20.0.2:3000"});
  settings.servers.push_back(
      {.url = "http://172.20.0.3:3000/", .weight = 0, .preserve_path = true, .fenced = true});
  settings.sticky.emplace().cookie.emplace().name = "ws-session";
  EXPECT_EQ(to_json(service_of(settings)).dump(),
            R"({"loadBalancer":{"sticky":{"cookie":{"name":"ws-session","path":"/"}},)"
            R"("servers":[{"url":"http://172.20.0.2:3000"},)"
            R"({"url":"http://172.20.0.3:3000/","weight":0,"preservePath":true,"fenced":true}],)"
            R"("strategy":"wrr","passHostHeader":true,"responseForwarding":{"flushInterval":"100ms"}}})");
}

TEST(Json, HealthChecksHaveTraefiksDefaults) {
  LoadBalancer settings;
  settings.health_check.emplace().path = "/health";
  settings.passive_health_check.emplace();
  settings.pass_host_header = false;
  settings.flush_interval = 0s;
  EXPECT_EQ(
      to_json(service_of(settings)).dump(),
      R"({"loadBalancer":{"strategy":"wrr","healthCheck":{"mode":"http","path":"/health","interval":"30s",)"
      R"("timeout":"5s","followRedirects":true},)"
      R"("passiveHealthCheck":{"failureWindow":"10s","maxFailedAttempts":1},"passHostHeader":false}})");
}

TEST(Json, OwnKeysOccurWhereTheyDifferAndSecretsNever) {
  LoadBalancer settings;
  settings.capacity = 100;
  settings.connect_timeout = 5s;
  settings.tunnel_idle_timeout = 90s;
  settings.servers.push_back({.url = "http://a", .capacity = 7});
  Sticky& sticky = settings.sticky.emplace();
  sticky.sources = {{StickySourceKind::kQuery, "server"}, {StickySourceKind::kSid, ""}};
  sticky.on_full = LostPolicy::kReject;
  StickyCookie& cookie = sticky.cookie.emplace();
  cookie.format = CookieFormat::kHmac;
  cookie.secret = "hidden";
  cookie.same_site = SameSite::kNone;
  EXPECT_EQ(
      to_json(service_of(settings)).dump(),
      R"({"loadBalancer":{"sticky":{"cookie":{"sameSite":"none","path":"/","format":"hmac"},)"
      R"("sources":["query:server","sid"],"onFull":"reject"},"servers":[{"url":"http://a","capacity":7}],)"
      R"("strategy":"wrr","passHostHeader":true,"responseForwarding":{"flushInterval":"100ms"},)"
      R"("capacity":100,"tunnelIdleTimeout":"1m30s"}})");
}

TEST(Json, OtherServices) {
  Service service;
  service.kind = Weighted{.services = {{"a", 3}, {"b", 0}}, .sticky = {}};
  EXPECT_EQ(to_json(service).dump(),
            R"({"weighted":{"services":[{"name":"a","weight":3},{"name":"b","weight":0}]}})");
  EXPECT_EQ(kind_of(service), "weighted");
  service.kind = Failover{.service = "a", .fallback = "b"};
  EXPECT_EQ(to_json(service).dump(), R"({"failover":{"service":"a","fallback":"b"}})");
  EXPECT_EQ(kind_of(service), "failover");
  EXPECT_EQ(kind_of(Service{}), "loadBalancer");
}

TEST(Json, Routers) {
  Router router{.entry_points = {"web"},
                .rule = "Host(`a`)",
                .service = "app",
                .middlewares = {"m@file"},
                .priority = 9,
                .place = {"f", 1, 1},
                .rule_place = {"f", 1, 2}};
  EXPECT_EQ(
      to_json(router).dump(),
      R"x({"entryPoints":["web"],"middlewares":["m@file"],"service":"app","rule":"Host(`a`)","priority":9})x");
  EXPECT_EQ(to_json(Router{}).dump(), "{}");
}

TEST(Json, Middlewares) {
  Middleware middleware;
  middleware.kind = AddPrefix{.prefix = "/toto"};
  EXPECT_EQ(to_json(middleware).dump(), R"({"addPrefix":{"prefix":"/toto"}})");
  EXPECT_EQ(kind_of(middleware), "addPrefix");
  middleware.kind = BasicAuth{.users = {"admin:admin"}, .users_file = {}, .header_field = {}};
  EXPECT_EQ(to_json(middleware).dump(), R"({"basicAuth":{"users":["admin:admin"]}})");
  middleware.kind =
      IpAllowList{.source_range = {"::1"}, .ip_strategy = IpStrategy{.depth = 2, .excluded_ips = {}}};
  EXPECT_EQ(to_json(middleware).dump(),
            R"({"ipAllowList":{"sourceRange":["::1"],"ipStrategy":{"depth":2}}})");
  EXPECT_EQ(kind_of(middleware), "ipAllowList");
  middleware.kind = RateLimit{.average = 10, .period = 1s, .burst = 1, .source_criterion = {}};
  EXPECT_EQ(to_json(middleware).dump(), R"({"rateLimit":{"average":10,"period":"1s","burst":1}})");
  middleware.kind = Headers{.custom_request_headers = {{"X-A", ""}}};
  EXPECT_EQ(to_json(middleware).dump(), R"({"headers":{"customRequestHeaders":{"X-A":""}}})");
}

TEST(Json, EntryPoints) {
  EntryPoint entry_point;
  entry_point.address = ":80";
  entry_point.forwarded_headers.trusted_ips = {"192.168.1.3"};
  EXPECT_EQ(to_json(entry_point).dump(),
            R"({"address":":80","transport":{"lifeCycle":{"graceTimeOut":"10s"},)"
            R"("respondingTimeouts":{"readTimeout":"1m0s","idleTimeout":"3m0s"}},)"
            R"("forwardedHeaders":{"trustedIPs":["192.168.1.3"]},"http":{"maxHeaderBytes":65536}})");
}

}  // namespace
}  // namespace limpet::config
