#include "admin/internal_services.h"

#include "api_fixture.h"

namespace limpet::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

class InternalServicesTest : public ApiFixture {
 protected:
  routing::InternalAnswer ask_service(routing::InternalService service, std::string path) {
    routing::InternalRequest made = request("GET", std::move(path));
    made.service = service;
    made.entry_point = "web";
    return answered(made);
  }
};

TEST_F(InternalServicesTest, PingSaysWhetherItStops) {
  EXPECT_EQ(ask("GET", "/ping").body, "OK");
  EXPECT_EQ(ask("HEAD", "/ping").status, 200);
  EXPECT_EQ(field(ask("POST", "/ping"), "Allow"), "GET, HEAD");
  state.stopping = true;
  EXPECT_EQ(ask("GET", "/ping").status, 503);
  state.settings.ping.emplace().terminating_status_code = 502;
  EXPECT_EQ(ask_service(routing::InternalService::kPing, "/ping").status, 502);
}

TEST_F(InternalServicesTest, TheEntryPointAdminHasEverythingByPath) {
  EXPECT_THAT(ask("GET", "/metrics").body, HasSubstr("limpet_build_info"));
  EXPECT_THAT(ask("GET", "/").body, HasSubstr("<!doctype html>"));
  EXPECT_EQ(ask("GET", "/api").status, 404);
  EXPECT_EQ(ask("GET", "/apis").status, 404);
}

TEST_F(InternalServicesTest, OtherEntryPointsHaveEachServiceForItself) {
  using enum routing::InternalService;
  EXPECT_EQ(ask_service(kApi, "/api/version").status, 200);
  EXPECT_EQ(ask_service(kApi, "/dashboard/").status, 200);
  EXPECT_EQ(ask_service(kApi, "/metrics").status, 404);
  EXPECT_EQ(ask_service(kApi, "/ping").status, 404);
  EXPECT_EQ(ask_service(kDashboard, "/api/version").status, 404);
  EXPECT_EQ(ask_service(kPrometheus, "/anything").status, 200);
  EXPECT_EQ(ask_service(kNoop, "/").status, 418);
}

TEST_F(InternalServicesTest, TheDashboardForbidsEverythingFromElsewhere) {
  const routing::InternalAnswer page = ask("GET", "/dashboard/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(field(page, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(field(page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(field(page, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(page.body, Not(HasSubstr("://")));
  EXPECT_THAT(page.body, Not(HasSubstr("style=")));
  EXPECT_THAT(page.body, Not(HasSubstr(" on")));
  EXPECT_EQ(field(ask("GET", "/dashboard/app.js"), "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(field(ask("GET", "/style.css"), "Content-Type"), "text/css; charset=utf-8");
  EXPECT_EQ(field(ask("GET", "/icon.svg"), "Content-Type"), "image/svg+xml");
  EXPECT_EQ(ask("GET", "/dashboard/gone.js").status, 404);
  EXPECT_EQ(ask("POST", "/dashboard/").status, 405);
}

TEST_F(InternalServicesTest, TheDashboardIsRedirectedToItsFolder) {
  const routing::InternalAnswer answer = ask("GET", "/dashboard");
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(field(answer, "Location"), "dashboard/");
}

TEST_F(InternalServicesTest, TheDashboardCanBeSwitchedOff) {
  state.settings.api->dashboard = false;
  EXPECT_EQ(ask("GET", "/").status, 404);
  EXPECT_EQ(ask("GET", "/api/version").status, 200);
}

TEST_F(InternalServicesTest, ABasePathIsPutBeforeAll) {
  state.settings.api->base_path = "/limpet/";
  EXPECT_EQ(ask("GET", "/limpet/api/version").status, 200);
  EXPECT_EQ(ask("GET", "/limpet/dashboard/").status, 200);
  EXPECT_EQ(field(ask("GET", "/limpet"), "Location"), "limpet/");
  EXPECT_EQ(field(ask("GET", "/limpet/dashboard"), "Location"), "dashboard/");
  EXPECT_EQ(ask("GET", "/limpets/api/version").status, 404);
}

TEST_F(InternalServicesTest, WorksWithoutApiSettings) {
  state.settings.api.reset();
  EXPECT_EQ(ask("GET", "/api/version").status, 200);
  EXPECT_EQ(ask("GET", "/").status, 200);
}

TEST_F(InternalServicesTest, RepliesOnTheControlThread) {
  routing::InternalAnswer got;
  services.handle(request("GET", "/ping"),
                  [&got](routing::InternalAnswer answer) { got = std::move(answer); });
  EXPECT_EQ(got.body, "");
  reactor.run_once(std::chrono::seconds(5));
  EXPECT_EQ(got.body, "OK");
}

}  // namespace
}  // namespace limpet::admin
