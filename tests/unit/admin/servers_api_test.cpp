#include "admin/servers_api.h"

#include "api_fixture.h"

namespace limpet::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ServersApi : public ApiFixture {
 protected:
  static constexpr const char* kUrl = "http://172.20.0.2:3000";

  Json one(std::string_view service = "webapp@docker", std::string_view url = kUrl) {
    return get("/api/servers/" + id(service, url));
  }
};

TEST_F(ServersApi, ListsServersByServiceInTheirOrder) {
  std::vector<std::string> urls;
  for (const Json& each : get("/api/servers")) urls.push_back(each.at("url"));
  EXPECT_THAT(urls, ElementsAre("http://127.0.0.1:9/", kUrl, "http://172.20.0.3:3000"));
  EXPECT_EQ(get("/api/servers?service=webapp").size(), 2U);
  EXPECT_EQ(get("/api/servers?service=webapp%40docker").size(), 2U);
  EXPECT_EQ(get("/api/servers?service=webapp@file").size(), 0U);
  EXPECT_EQ(get("/api/servers?service=web").size(), 0U);
}

TEST_F(ServersApi, TellsCookieValuesOfEveryFormat) {
  const Json server = one();
  EXPECT_EQ(server.at("cookieName"), "ws-session");
  EXPECT_EQ(server.at("cookieValue"), "a3d52f0267943dcc");
  EXPECT_EQ(server.at("cookieValues"), Json::parse(R"({
    "fnv1a": "a3d52f0267943dcc", "fnv1a-stripped": "a3d52f0267943dcc", "traefik3": "31646496ae720367",
    "sha256": "932539f467985d11", "fnv1": "ff3d5a85d5708992", "raw": "http://172.20.0.2:3000"
  })"));
  EXPECT_EQ(one("other@file", "http://127.0.0.1:9/").at("cookieName"), nullptr);
}

TEST_F(ServersApi, ASecretLeavesOnlyItsOwnValue) {
  auto& webapp = std::get<config::LoadBalancer>(state.services.at({"webapp", "docker"}).kind);
  webapp.sticky->cookie->format = config::CookieFormat::kHmac;
  webapp.sticky->cookie->secret = "of the house";
  build();
  const Json server = one();
  EXPECT_EQ(server.at("cookieValues").size(), 1U);
  EXPECT_EQ(server.at("cookieValues").at("hmac"), server.at("cookieValue"));
  EXPECT_EQ(server.at("cookieValue").get<std::string>().size(), 32U);
  EXPECT_THAT(get("/api/rawdata").dump(), testing::Not(HasSubstr("of the house")));
}

TEST_F(ServersApi, TellsLiveCounts) {
  balancing::ServerState& live = server("webapp@docker", kUrl);
  ASSERT_TRUE(live.try_take_seat(balancing::SeatKind::kRequest, 0));
  ASSERT_TRUE(live.try_take_seat(balancing::SeatKind::kTunnel, 0));
  telemetry::TrafficCounters::add(live.traffic(0).messages_to_client, 40);
  telemetry::TrafficCounters::add(live.traffic(1).messages_to_client, 2);
  telemetry::TrafficCounters::add(live.traffic(1).failures, 1);
  const Json told = one();
  EXPECT_EQ(told.at("connections"), 2);
  EXPECT_EQ(told.at("tunnels"), 1);
  EXPECT_EQ(told.at("capacity"), nullptr);
  EXPECT_EQ(told.at("weight"), 1);
  EXPECT_EQ(told.at("traffic").at("messagesToClient"), 42);
  EXPECT_EQ(told.at("traffic").at("failures"), 1);
  EXPECT_EQ(one("other@file", "http://127.0.0.1:9/").at("capacity"), 10);
}

TEST_F(ServersApi, StatusIsTheFirstThatFits) {
  balancing::ServerState& live = server("webapp@docker", kUrl);
  EXPECT_EQ(one().at("status"), "unknown");
  live.set_health(balancing::Health::kUp);
  EXPECT_EQ(one().at("status"), "up");
  live.set_admin(balancing::AdminState::kDraining);
  EXPECT_EQ(one().at("status"), "draining");
  live.set_health(balancing::Health::kDown);
  EXPECT_EQ(one().at("status"), "down");
  EXPECT_EQ(one().at("health"), "down");
  EXPECT_EQ(one().at("admin"), "draining");
}

TEST_F(ServersApi, EjectedServersAndThoseWithoutAddressAreDown) {
  EXPECT_TRUE(server("webapp@docker", kUrl).note_failure(base::Clock::now(), std::chrono::hours(1), 1));
  EXPECT_EQ(one().at("status"), "down");
  EXPECT_EQ(one().at("ejected"), true);
  EXPECT_EQ(one().at("addresses"), Json::parse(R"(["172.20.0.2:3000"])"));

  balancer({"named", "file"}, {"http://gone.example:80"});
  build();
  EXPECT_EQ(one("named@file", "http://gone.example:80").at("status"), "down");
  EXPECT_EQ(one("named@file", "http://gone.example:80").at("addresses").size(), 0U);
}

TEST_F(ServersApi, FencedServersAreDraining) {
  std::get<config::LoadBalancer>(state.services.at({"webapp", "docker"}).kind).servers[0].fenced = true;
  build();
  EXPECT_EQ(one().at("status"), "draining");
  EXPECT_EQ(one().at("fenced"), true);
  EXPECT_EQ(one().at("admin"), "ready");
}

TEST_F(ServersApi, DrainsAndUndrains) {
  const std::string path = "/api/servers/" + id("webapp@docker", kUrl);
  const routing::InternalAnswer drained = ask("POST", path + "/drain");
  EXPECT_EQ(drained.status, 200);
  EXPECT_EQ(Json::parse(drained.body).at("admin"), "draining");
  EXPECT_EQ(server("webapp@docker", kUrl).admin(), balancing::AdminState::kDraining);
  build();  // a reload does not undo it
  EXPECT_EQ(one().at("status"), "draining");
  EXPECT_EQ(Json::parse(ask("POST", path + "/undrain").body).at("admin"), "ready");
  EXPECT_EQ(server("webapp@docker", kUrl).admin(), balancing::AdminState::kReady);
}

TEST_F(ServersApi, RefusesUnknownIdsAndOtherMethods) {
  EXPECT_EQ(ask("GET", "/api/servers/0123456789abcdef").status, 404);
  EXPECT_EQ(ask("POST", "/api/servers/0123456789abcdef/drain").status, 404);
  EXPECT_EQ(ask("POST", "/api/servers//drain").status, 404);
  const std::string path = "/api/servers/" + id("webapp@docker", kUrl);
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    const routing::InternalAnswer answer = ask(method, path + "/drain");
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(field(answer, "Allow"), "POST") << method;
  }
  const routing::InternalAnswer posted = ask("POST", "/api/servers");
  EXPECT_EQ(posted.status, 405);
  EXPECT_EQ(field(posted, "Allow"), "GET, HEAD");
  EXPECT_EQ(ask("HEAD", "/api/servers").status, 200);
}

TEST_F(ServersApi, TellsHowProvidersFare) {
  ProviderStatus& file = state.providers["file"];
  file.failed = true;
  file.problems.error({"dynamic.yml", 3, 7}, "http.routers.web.rule", "expected a rule");
  state.providers["docker"];
  EXPECT_EQ(get("/api/providers"), Json::parse(R"([
    {"name": "docker", "failed": false, "problems": [], "lastSuccess": null},
    {"name": "file", "failed": true,
     "problems": [{"severity": "error", "place": "dynamic.yml:3:7", "key": "http.routers.web.rule",
                   "message": "expected a rule"}],
     "lastSuccess": "2023-11-14T22:13:21.000Z"}
  ])"));
}

TEST_F(ServersApi, TellsNothingBeforeTheFirstSnapshot) {
  state.built = {};
  EXPECT_EQ(get("/api/servers").size(), 0U);
  EXPECT_EQ(get("/api/http/services/webapp@docker").at("status"), "enabled");
  EXPECT_EQ(ask("GET", "/metrics").status, 200);
}

}  // namespace
}  // namespace limpet::admin
