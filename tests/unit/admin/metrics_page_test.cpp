#include "admin/metrics_page.h"

#include "api_fixture.h"
#include "telemetry/request_metrics.h"

namespace limpet::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsPage : public ApiFixture {
 protected:
  std::string text() { return metrics_page(state).body; }
};

TEST_F(MetricsPage, TellsEveryServersStateAndTraffic) {
  balancing::ServerState& live = server("webapp@docker", "http://172.20.0.2:3000");
  ASSERT_TRUE(live.try_take_seat(balancing::SeatKind::kTunnel, 0));
  live.set_admin(balancing::AdminState::kDraining);
  telemetry::TrafficCounters::add(live.traffic(0).messages_to_server, 5);
  telemetry::TrafficCounters::add(live.traffic(1).bytes_to_client, 700);
  server("webapp@docker", "http://172.20.0.3:3000").set_health(balancing::Health::kDown);

  registry.service("webapp@docker")->note_arrival(1);

  const std::string labels = R"({service="webapp@docker",url="http://172.20.0.2:3000")";
  const std::string page = text();
  EXPECT_THAT(page, HasSubstr("# TYPE traefik_service_server_up gauge"));
  EXPECT_THAT(page, HasSubstr("traefik_service_server_up" + labels + "} 1\n"));
  EXPECT_THAT(
      page,
      HasSubstr(R"(traefik_service_server_up{service="webapp@docker",url="http://172.20.0.3:3000"} 0)"));
  EXPECT_THAT(page, HasSubstr("limpet_server_connections" + labels + "} 1\n"));
  EXPECT_THAT(page, HasSubstr("limpet_server_tunnels" + labels + "} 1\n"));
  EXPECT_THAT(page, HasSubstr("limpet_server_draining" + labels + "} 1\n"));
  EXPECT_THAT(page, HasSubstr("limpet_server_requests_total" + labels + "} 0\n"));
  EXPECT_THAT(page, HasSubstr("limpet_server_failures_total" + labels + "} 0\n"));
  EXPECT_THAT(page, HasSubstr("limpet_server_messages_total" + labels + R"(,direction="to_server"} 5)"));
  EXPECT_THAT(page, HasSubstr("limpet_server_bytes_total" + labels + R"(,direction="to_client"} 700)"));
  EXPECT_THAT(page,
              HasSubstr(R"(limpet_server_capacity{service="other@file",url="http://127.0.0.1:9/"} 10)"));
  EXPECT_THAT(page, Not(HasSubstr("limpet_server_capacity" + labels)));
  EXPECT_THAT(page, HasSubstr(R"(limpet_service_waiting{service="webapp@docker"} 0)"));
  EXPECT_THAT(page, HasSubstr(R"(limpet_service_arrivals_total{service="webapp@docker"} 1)"));
}

TEST_F(MetricsPage, TellsReloadsAndProviders) {
  state.failed_reloads = 3;
  state.providers["file"].failed = true;
  const std::string page = text();
  EXPECT_THAT(page, HasSubstr("traefik_config_reloads_total 1\n"));
  EXPECT_THAT(page, HasSubstr("traefik_config_last_reload_success 1700000002\n"));
  EXPECT_THAT(page, HasSubstr("limpet_config_reload_failures_total 3\n"));
  EXPECT_THAT(page, HasSubstr("limpet_provider_failed{provider=\"file\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("limpet_build_info{version=\"" LIMPET_VERSION "\"} 1\n"));
}

TEST_F(MetricsPage, HasRequestMetricsIfTheyAreSwitchedOn) {
  EXPECT_THAT(text(), Not(HasSubstr("traefik_entrypoint_requests_total")));
  telemetry::RequestMetrics requests({.threads = 1});
  state.metrics = &requests;
  requests.local(0).record({.entry_point = "web", .service = "webapp@docker", .method = "GET", .code = 200});
  EXPECT_THAT(text(), HasSubstr("traefik_entrypoint_requests_total"));
  EXPECT_EQ(field(metrics_page(state), "Content-Type"), telemetry::kPrometheusContentType);
}

}  // namespace
}  // namespace limpet::admin
