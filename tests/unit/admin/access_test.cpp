#include "admin/access.h"

#include "api_fixture.h"

namespace limpet::admin {
namespace {

using testing::HasSubstr;

class Access : public ApiFixture {
 protected:
  int status_under_host(std::string host, std::string path = "/api/version") {
    routing::InternalRequest made = request("GET", std::move(path));
    made.host = std::move(host);
    return answered(made).status;
  }
  int status_with_authorization(std::string value, std::string path = "/api/version") {
    routing::InternalRequest made = request("GET", std::move(path));
    made.fields.emplace_back("authorization", std::move(value));
    return answered(made).status;
  }
  int drain_from(std::string origin, std::string host = "127.0.0.1:8080") {
    routing::InternalRequest made =
        request("POST", "/api/servers/" + id("webapp@docker", "http://172.20.0.2:3000") + "/drain");
    made.fields = {{"Host", std::move(host)}, {"Origin", std::move(origin)}};
    return answered(made).status;
  }
};

TEST_F(Access, LoopbackIsAnsweredUnderItsOwnNamesOnly) {
  for (const char* host : {"localhost", "LocalHost.", "localhost:8080", "127.0.0.1", "127.1.2.3:8080",
                           "[::1]", "[::1]:8080", "[::ffff:127.0.0.1]"}) {
    EXPECT_EQ(status_under_host(host), 200) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.1",
                           "", "[fe80::1]", "0.0.0.0"}) {
    EXPECT_EQ(status_under_host(host), 403) << host;
    EXPECT_EQ(status_under_host(host, "/metrics"), 403) << host;
    EXPECT_EQ(status_under_host(host, "/"), 403) << host;
  }
  routing::InternalRequest foreign = request("GET", "/api/version");
  foreign.host = "evil.example";
  EXPECT_THAT(answered(foreign).body, HasSubstr("DNS rebinding"));
}

TEST_F(Access, TheNameThatTheAddressWasGivenByIsAnswered) {
  state.settings.api->address = "limpet.internal:8080";
  EXPECT_EQ(status_under_host("limpet.internal"), 200);
  state.settings.api->address = ":8080";
  EXPECT_EQ(status_under_host(""), 403);
}

TEST_F(Access, TheInsecureApiOnLoopbackIsGuardedToo) {
  state.settings.api->insecure = true;
  state.settings.entry_points["traefik"].address = "limpet.internal:8080";
  state.addresses["traefik"] = "127.0.0.1:8080";
  const auto status = [this](std::string entry_point, std::string host) {
    routing::InternalRequest made = request("GET", "/api/version");
    made.entry_point = std::move(entry_point);
    made.host = std::move(host);
    return answered(made).status;
  };
  EXPECT_EQ(status("traefik", "evil.example"), 403);
  EXPECT_EQ(status("traefik", "localhost"), 200);
  EXPECT_EQ(status("traefik", "limpet.internal"), 200);
  state.addresses["web"] = "127.0.0.1:80";  // where a router of the user's leads to the API
  EXPECT_EQ(status("web", "limpet.example"), 200);
  state.addresses["traefik"] = "[::]:8080";
  EXPECT_EQ(status("traefik", "limpet.example"), 200);
  state.addresses["traefik"] = "127.0.0.1:8080";
  state.settings.api->insecure = false;
  EXPECT_EQ(status("traefik", "limpet.example"), 200);
}

TEST_F(Access, OtherAddressesAreAnsweredUnderAnyName) {
  state.addresses[kAdminEntryPoint] = "0.0.0.0:8080";
  EXPECT_EQ(status_under_host("limpet.example"), 200);
  state.addresses[kAdminEntryPoint] = "unix:/run/limpet.sock";
  EXPECT_EQ(status_under_host("anything"), 200);
  state.addresses[kAdminEntryPoint] = "[::1]:8080";
  EXPECT_EQ(status_under_host("limpet.example"), 403);
  EXPECT_EQ(status_under_host("[::1]"), 200);
}

TEST_F(Access, OtherEntryPointsAreAnsweredUnderAnyName) {
  routing::InternalRequest made = request("GET", "/api/version");
  made.entry_point = "traefik";
  made.host = "limpet.example";
  EXPECT_EQ(answered(made).status, 200);
}

TEST_F(Access, ATokenIsAskedForByAllThatTells) {
  state.settings.api->token = "secret";
  for (const char* path : {"/api/version", "/api/servers", "/metrics", "/api/gone"}) {
    const routing::InternalAnswer answer = ask("GET", path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_THAT(field(answer, "WWW-Authenticate"), HasSubstr("Bearer")) << path;
  }
  EXPECT_EQ(ask("GET", "/ping").status, 200);
  EXPECT_EQ(ask("GET", "/").status, 200);
  EXPECT_EQ(ask("GET", "/dashboard/app.js").status, 200);

  EXPECT_EQ(status_with_authorization("Bearer secret"), 200);
  EXPECT_EQ(status_with_authorization("bearer  secret"), 200);
  EXPECT_EQ(status_with_authorization("Bearer secret", "/metrics"), 200);
  for (const char* value :
       {"Bearer", "Bearer ", "Bearer secre", "Bearer secret2", "Basic secret", "secret", ""}) {
    EXPECT_EQ(status_with_authorization(value), 401) << value;
  }
}

TEST_F(Access, ATokenIsAskedForOnEveryEntryPoint) {
  state.settings.api->token = "secret";
  routing::InternalRequest made = request("GET", "/metrics");
  made.entry_point = "traefik";
  made.service = routing::InternalService::kPrometheus;
  EXPECT_EQ(answered(made).status, 401);
}

TEST_F(Access, PagesOfOtherOriginsChangeNothing) {
  const balancing::ServerState& drained = server("webapp@docker", "http://172.20.0.2:3000");
  for (const char* origin : {"http://evil.example", "null", "", "http://127.0.0.1:3000", "http://127.0.0.1",
                             "http://127.0.0.1:8080.evil.example", "file://"}) {
    EXPECT_EQ(drain_from(origin), 403) << origin;
  }
  EXPECT_EQ(drained.admin(), balancing::AdminState::kReady);
  EXPECT_EQ(drain_from("http://127.0.0.1:8080"), 200);
  EXPECT_EQ(drained.admin(), balancing::AdminState::kDraining);
  EXPECT_EQ(drain_from("https://Limpet.example", "limpet.example:443"), 200);
  EXPECT_EQ(drain_from("http://limpet.example", "limpet.example:443"), 403);
}

TEST_F(Access, ReadingNeedsNoOrigin) {
  routing::InternalRequest made = request("GET", "/api/version");
  made.fields.emplace_back("Origin", "http://evil.example");
  const routing::InternalAnswer answer = answered(made);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(field(answer, "Access-Control-Allow-Origin"), "none");
}

}  // namespace
}  // namespace limpet::admin
