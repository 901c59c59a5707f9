#include "admin/traefik_api.h"

#include "api_fixture.h"

namespace limpet::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TraefikApi : public ApiFixture {};

/// Compared without regard to the order of keys.
nlohmann::json unordered(const Json& value) {
  return nlohmann::json::parse(value.dump());
}

TEST_F(TraefikApi, AServiceHasTraefiksShape) {
  EXPECT_EQ(unordered(get("/api/http/services/webapp@docker")), nlohmann::json::parse(R"({
    "loadBalancer": {
      "sticky": {"cookie": {"name": "ws-session", "path": "/"}},
      "servers": [{"url": "http://172.20.0.2:3000"}, {"url": "http://172.20.0.3:3000"}],
      "strategy": "wrr",
      "passHostHeader": true,
      "responseForwarding": {"flushInterval": "100ms"}
    },
    "status": "enabled",
    "usedBy": ["webapp@docker"],
    "serverStatus": {"http://172.20.0.2:3000": "UP", "http://172.20.0.3:3000": "UP"},
    "name": "webapp@docker",
    "provider": "docker",
    "type": "loadbalancer"
  })"));
}

TEST_F(TraefikApi, ARouterHasTraefiksShape) {
  EXPECT_EQ(unordered(get("/api/http/routers/webapp@docker")), nlohmann::json::parse(R"JSON({
    "entryPoints": ["web"],
    "service": "webapp",
    "rule": "Host(`localhost`)",
    "priority": 17,
    "priorityStr": "17",
    "status": "enabled",
    "using": ["web"],
    "name": "webapp@docker",
    "provider": "docker"
  })JSON"));
}

TEST_F(TraefikApi, AMiddlewareHasTraefiksShape) {
  EXPECT_EQ(unordered(get("/api/http/middlewares/strip%40file")), nlohmann::json::parse(R"({
    "stripPrefix": {"prefixes": ["/files"]},
    "status": "enabled",
    "usedBy": ["files@file"],
    "name": "strip@file",
    "provider": "file",
    "type": "stripprefix"
  })"));
}

TEST_F(TraefikApi, InternalServicesAreServicesToo) {
  EXPECT_EQ(unordered(get("/api/http/services/api@internal")), nlohmann::json::parse(R"({
    "status": "enabled", "usedBy": ["admin@internal"], "name": "api@internal", "provider": "internal"
  })"));
  EXPECT_EQ(get("/api/http/services/noop@internal").at("status"), "enabled");
}

TEST_F(TraefikApi, RawdataHasEverythingWithoutNames) {
  const Json data = get("/api/rawdata");
  EXPECT_EQ(data.size(), 3U);
  EXPECT_EQ(data.at("routers").size(), 4U);
  EXPECT_EQ(data.at("services").size(), 9U);
  EXPECT_EQ(unordered(data.at("services").at("other@file")), nlohmann::json::parse(R"({
    "loadBalancer": {
      "servers": [{"url": "http://127.0.0.1:9/"}],
      "strategy": "wrr",
      "passHostHeader": true,
      "responseForwarding": {"flushInterval": "100ms"},
      "capacity": 10
    },
    "status": "enabled",
    "usedBy": ["broken@file"],
    "serverStatus": {"http://127.0.0.1:9/": "UP"}
  })"));
  EXPECT_EQ(unordered(data.at("services").at("split@file").at("weighted")), nlohmann::json::parse(R"({
    "services": [{"name": "other", "weight": 3}, {"name": "webapp@docker", "weight": 1}]
  })"));
}

TEST_F(TraefikApi, ABrokenRouterSaysWhereAndWhy) {
  const Json router = get("/api/http/routers/broken@file");
  EXPECT_EQ(router.at("status"), "disabled");
  EXPECT_EQ(router.at("priority"), 0);
  ASSERT_EQ(router.at("error").size(), 1U);
  EXPECT_THAT(router.at("error")[0].get<std::string>(), HasSubstr("dynamic.yml:7:"));
}

TEST_F(TraefikApi, ServerStatusFollowsChecksAndNotDraining) {
  server("webapp@docker", "http://172.20.0.2:3000").set_health(balancing::Health::kDown);
  server("webapp@docker", "http://172.20.0.3:3000").set_admin(balancing::AdminState::kDraining);
  const Json status = get("/api/http/services/webapp@docker").at("serverStatus");
  EXPECT_EQ(status.at("http://172.20.0.2:3000"), "DOWN");
  EXPECT_EQ(status.at("http://172.20.0.3:3000"), "UP");
}

TEST_F(TraefikApi, Overview) {
  EXPECT_EQ(unordered(get("/api/overview")), nlohmann::json::parse(R"({
    "http": {
      "routers": {"total": 4, "warnings": 0, "errors": 1},
      "services": {"total": 9, "warnings": 0, "errors": 0},
      "middlewares": {"total": 1, "warnings": 0, "errors": 0}
    },
    "tcp": {
      "routers": {"total": 0, "warnings": 0, "errors": 0},
      "services": {"total": 0, "warnings": 0, "errors": 0},
      "middlewares": {"total": 0, "warnings": 0, "errors": 0}
    },
    "udp": {
      "routers": {"total": 0, "warnings": 0, "errors": 0},
      "services": {"total": 0, "warnings": 0, "errors": 0}
    },
    "features": {"tracing": "", "metrics": "", "accessLog": false},
    "providers": ["Docker", "File"]
  })"));
}

TEST_F(TraefikApi, Version) {
  const Json version = get("/api/version");
  EXPECT_EQ(version.at("Version"), LIMPET_VERSION);
  EXPECT_EQ(version.at("startDate"), "2023-11-14T22:13:20.000Z");
}

TEST_F(TraefikApi, EntryPointsAreListedWithTheirRealAddress) {
  EXPECT_THAT(names("/api/entrypoints"), ElementsAre(kAdminEntryPoint, "web"));
  const Json web = get("/api/entrypoints/web");
  EXPECT_EQ(web.at("address"), ":80");
  EXPECT_EQ(web.at("listening"), "0.0.0.0:80");
  EXPECT_EQ(get("/api/entrypoints/limpet-admin").at("address"), "127.0.0.1:8080");
  EXPECT_EQ(ask("GET", "/api/entrypoints/gone").status, 404);
}

TEST_F(TraefikApi, UnknownNamesAreNotFound) {
  const routing::InternalAnswer answer = ask("GET", "/api/http/services/gone@docker");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "{\"message\":\"service not found: gone@docker\"}\n");
  EXPECT_EQ(ask("GET", "/api/http/routers/webapp").status, 404);
  EXPECT_EQ(ask("GET", "/api/http/middlewares/x@y").status, 404);
  EXPECT_EQ(ask("GET", "/api/http/services/a/b").status, 404);
  EXPECT_EQ(ask("GET", "/api/http").status, 404);
}

TEST_F(TraefikApi, ListsAreFiltered) {
  EXPECT_THAT(names("/api/http/routers"),
              ElementsAre("admin@internal", "broken@file", "files@file", "webapp@docker"));
  EXPECT_THAT(names("/api/http/routers?status=Disabled"), ElementsAre("broken@file"));
  EXPECT_THAT(names("/api/http/routers?search=LOCALHOST"), ElementsAre("webapp@docker"));
  EXPECT_THAT(names("/api/http/routers?search=%40file"), ElementsAre("broken@file", "files@file"));
  EXPECT_THAT(names("/api/http/routers?serviceName=webapp@docker"), ElementsAre("webapp@docker"));
  EXPECT_THAT(names("/api/http/routers?middlewareName=strip"), ElementsAre("files@file"));
  EXPECT_THAT(names("/api/http/routers?middlewareName=strip@file"), ElementsAre("files@file"));
  EXPECT_THAT(names("/api/http/services?search=webapp"), ElementsAre("webapp@docker"));
  EXPECT_THAT(names("/api/http/middlewares?search=nothing"), IsEmpty());
  EXPECT_THAT(names("/api/tcp/routers"), IsEmpty());
}

TEST_F(TraefikApi, ListsAreSorted) {
  EXPECT_THAT(names("/api/http/routers?sortBy=name&direction=desc"),
              ElementsAre("webapp@docker", "files@file", "broken@file", "admin@internal"));
  EXPECT_THAT(names("/api/http/routers?sortBy=provider"),
              ElementsAre("webapp@docker", "broken@file", "files@file", "admin@internal"));
  EXPECT_THAT(names("/api/http/services?sortBy=servers&direction=desc&per_page=2"),
              ElementsAre("webapp@docker", "other@file"));
  EXPECT_THAT(names("/api/http/routers?sortBy=priority&per_page=2"),
              ElementsAre("broken@file", "admin@internal"));
}

TEST_F(TraefikApi, ListsComeInPages) {
  const auto page = [this](const std::string& query) { return ask("GET", "/api/http/routers?" + query); };
  EXPECT_EQ(field(page(""), "X-Next-Page"), "1");
  EXPECT_EQ(field(page("per_page=3"), "X-Next-Page"), "2");
  EXPECT_EQ(field(page("per_page=3&page=2"), "X-Next-Page"), "1");
  EXPECT_THAT(names("/api/http/routers?per_page=3&page=2"), ElementsAre("webapp@docker"));
  EXPECT_EQ(page("per_page=4&page=2").status, 400);
  EXPECT_EQ(page("per_page=4&page=2").body, "{\"message\":\"invalid request: page: 2, per_page: 4\"}\n");
  EXPECT_EQ(page("page=0").body, "{\"message\":\"invalid request: page: 0\"}\n");
  EXPECT_EQ(page("per_page=-3").body, "{\"message\":\"invalid request: per_page: -3\"}\n");
  EXPECT_EQ(page("per_page=many").status, 400);
  EXPECT_EQ(page("page=99999999999999999999").status, 400);
  EXPECT_EQ(page("page=2147483647&per_page=2147483647").status, 400);
}

}  // namespace
}  // namespace limpet::admin
