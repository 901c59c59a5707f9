#include "admin/metrics_page.h"

#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "admin/answers.h"
#include "admin/scaling_api.h"
#include "admin/servers.h"
#include "telemetry/process_metrics.h"

namespace limpet::admin {
namespace {

using telemetry::Label;
using telemetry::MetricFamily;
using telemetry::MetricType;
using telemetry::Sample;

double unix_seconds(base::WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

/// One family with a sample for each server, or several that differ by the label `direction`.
class ServerFamily {
 public:
  ServerFamily(std::string name, std::string help, MetricType type) {
    family_.name = std::move(name);
    family_.help = std::move(help);
    family_.type = type;
  }

  void add(const ServerView& view, double value, const char* direction = nullptr) {
    Sample sample;
    sample.labels = {{"service", view.service->name()}, {"url", view.server->url}};
    if (direction != nullptr) sample.labels.emplace_back("direction", direction);
    sample.value = value;
    family_.samples.push_back(std::move(sample));
  }

  [[nodiscard]] MetricFamily take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

void add_server_families(const ControlState& state, std::vector<MetricFamily>& out) {
  ServerFamily up("traefik_service_server_up", "service server is up, described by gauge value of 0 or 1.",
                  MetricType::kGauge);
  ServerFamily connections("limpet_server_connections", "Seats taken: requests in flight and open tunnels.",
                           MetricType::kGauge);
  ServerFamily tunnels("limpet_server_tunnels", "Open tunnels, such as WebSockets.", MetricType::kGauge);
  ServerFamily reserved("limpet_server_reserved_seats", "Seats reserved for the users of placements.",
                        MetricType::kGauge);
  ServerFamily capacity("limpet_server_capacity", "Most seats, of servers that have a limit.",
                        MetricType::kGauge);
  ServerFamily draining("limpet_server_draining", "Whether the server takes bound users only, 0 or 1.",
                        MetricType::kGauge);
  ServerFamily requests("limpet_server_requests_total", "Requests sent to the server.", MetricType::kCounter);
  ServerFamily tunnels_opened("limpet_server_tunnels_total", "Tunnels opened to the server.",
                              MetricType::kCounter);
  ServerFamily messages("limpet_server_messages_total", "WebSocket messages through tunnels.",
                        MetricType::kCounter);
  ServerFamily bytes("limpet_server_bytes_total", "Bytes of bodies and through tunnels.",
                     MetricType::kCounter);
  ServerFamily failures("limpet_server_failures_total", "Connects refused, timeouts and broken answers.",
                        MetricType::kCounter);

  const base::TimePoint now = base::Clock::now();
  for (const ServerView& view : all_servers(state)) {
    const balancing::Server& server = *view.server;
    const balancing::ServerState& live = *server.state;
    const balancing::ServerState::Totals totals = live.totals();
    const bool drains = live.admin() != balancing::AdminState::kReady || server.fenced;
    up.add(view, status_of(server, now) == ServerStatus::kDown ? 0 : 1);
    connections.add(view, live.seats_taken());
    tunnels.add(view, live.tunnels_open());
    reserved.add(view, live.seats_reserved());
    if (server.capacity != 0) capacity.add(view, server.capacity);
    draining.add(view, drains ? 1 : 0);
    requests.add(view, number(totals.requests));
    tunnels_opened.add(view, number(totals.tunnels));
    messages.add(view, number(totals.messages_to_server), "to_server");
    messages.add(view, number(totals.messages_to_client), "to_client");
    bytes.add(view, number(totals.bytes_to_server), "to_server");
    bytes.add(view, number(totals.bytes_to_client), "to_client");
    failures.add(view, number(totals.failures));
  }
  for (ServerFamily* family : {&up, &connections, &tunnels, &reserved, &capacity, &draining, &requests,
                               &tunnels_opened, &messages, &bytes, &failures}) {
    out.push_back(family->take());
  }
}

void add_service_families(const ControlState& state, std::vector<MetricFamily>& out) {
  MetricFamily waiting;
  waiting.name = "limpet_service_waiting";
  waiting.help = "New users held until a server can take them.";
  waiting.type = MetricType::kGauge;
  MetricFamily arrivals;
  arrivals.name = "limpet_service_arrivals_total";
  arrivals.help = "New users: those for whom a server was chosen, and those who began to wait.";
  arrivals.type = MetricType::kCounter;
  for (const balancing::Service* service : all_services(state)) {
    const std::vector<Label> labels = {{"service", service->name()}};
    waiting.samples.push_back(
        {.labels = labels, .value = number(service->state().waiting()), .histogram = {}});
    arrivals.samples.push_back(
        {.labels = labels, .value = number(service->state().arrivals()), .histogram = {}});
  }
  out.push_back(std::move(waiting));
  out.push_back(std::move(arrivals));
}

MetricFamily ticket_family(const balancing::Admissions& admissions) {
  MetricFamily family;
  family.name = "limpet_tickets_total";
  family.help = "Tickets seen, by what became of them.";
  family.type = MetricType::kCounter;
  for (std::size_t i = 0; i < balancing::kTicketVerdicts; ++i) {
    constexpr std::string_view kPrefix = "ticket-";
    const std::string_view name = balancing::verdict_name(static_cast<balancing::TicketVerdict>(i));
    Sample sample;
    sample.labels = {{"result", std::string(name.substr(kPrefix.size()))}};
    sample.value = number(admissions.verdicts[i].load(std::memory_order_relaxed));
    family.samples.push_back(std::move(sample));
  }
  return family;
}

MetricFamily webhook_family(const placement::Placer& placer) {
  MetricFamily family;
  family.name = "limpet_placement_webhook_total";
  family.help = "Questions to the webhooks that decide where keys go, by what became of them.";
  family.type = MetricType::kCounter;
  for (const auto& [service, counts] : placer.counts()) {
    for (const auto& [result, count] : {std::pair{"chosen", counts.chosen},
                                        {"declined", counts.declined},
                                        {"failed", counts.failed},
                                        {"full", counts.full}}) {
      family.samples.push_back(
          {.labels = {{"service", service}, {"result", result}}, .value = number(count), .histogram = {}});
    }
  }
  return family;
}

}  // namespace

std::vector<MetricFamily> control_metrics(const ControlState& state) {
  std::vector<MetricFamily> families;
  families.push_back(telemetry::single_metric("traefik_config_reloads_total", "Config reloads",
                                              MetricType::kCounter, number(state.reloads)));
  families.push_back(telemetry::single_metric("traefik_config_last_reload_success",
                                              "Last config reload success", MetricType::kGauge,
                                              unix_seconds(state.last_reload)));
  families.push_back(telemetry::single_metric("limpet_config_reload_failures_total",
                                              "Configurations that were broken and not taken.",
                                              MetricType::kCounter, number(state.failed_reloads)));
  MetricFamily failed;
  failed.name = "limpet_provider_failed";
  failed.help = "Whether the provider's last reading was broken, 0 or 1.";
  failed.type = MetricType::kGauge;
  for (const auto& [name, status] : state.providers) {
    Sample sample;
    sample.labels = {{"provider", name}};
    sample.value = status.failed ? 1 : 0;
    failed.samples.push_back(std::move(sample));
  }
  families.push_back(std::move(failed));
  add_service_families(state, families);
  if (state.admissions != nullptr) families.push_back(ticket_family(*state.admissions));
  if (state.placements != nullptr) {
    families.push_back(telemetry::single_metric("limpet_placements", "Keys that have a server.",
                                                MetricType::kGauge, number(state.placements->size())));
  }
  if (state.placer != nullptr && !state.placer->counts().empty()) {
    families.push_back(webhook_family(*state.placer));
  }
  add_server_families(state, families);
  if (state.scaler != nullptr) std::ranges::move(scaling_metrics(state), std::back_inserter(families));
  return families;
}

routing::InternalAnswer metrics_page(const ControlState& state) {
  std::vector<MetricFamily> families;
  if (state.metrics != nullptr) families = state.metrics->collect();
  std::ranges::move(telemetry::process_metrics(), std::back_inserter(families));
  std::ranges::move(control_metrics(state), std::back_inserter(families));
  routing::InternalAnswer answer;
  answer.fields = {{"Content-Type", telemetry::kPrometheusContentType}, {"Cache-Control", "no-store"}};
  answer.body = telemetry::prometheus_text(families);
  return answer;
}

}  // namespace limpet::admin
