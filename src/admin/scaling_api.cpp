#include "admin/scaling_api.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "admin/answers.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "base/units.h"
#include "scaling/controller.h"

namespace limpet::admin {
namespace {

using scaling::PoolView;
using telemetry::MetricFamily;
using telemetry::MetricType;

constexpr std::uint32_t kMostServers = 10'000;

std::string_view state_name(const PoolView::Member& member) {
  if (member.stopping) return "stopping";
  switch (member.phase) {
    case scaling::Phase::kStarting:
      return "starting";
    case scaling::Phase::kReady:
      return "ready";
    case scaling::Phase::kDraining:
      return "draining";
    case scaling::Phase::kDead:
      return "down";
  }
  return "down";
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

std::string milliseconds(base::Duration duration) {
  return base::format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
}

Json decision_json(const PoolView::Past& past) {
  return Json{{"at", base::utc_timestamp(past.at)}, {"acts", past.acts}, {"why", past.why}};
}

Json pool_json(const PoolView& view) {
  Json servers = Json::array();
  for (const PoolView::Member& member : view.members) {
    servers.push_back(Json{{"name", member.name.empty() ? Json() : Json(member.name)},
                           {"url", member.url.empty() ? Json() : Json(member.url)},
                           {"state", state_name(member)},
                           {"current", member.current},
                           {"connections", member.connections},
                           {"reserved", member.reserved}});
  }
  Json decisions = Json::array();
  for (const PoolView::Past& past : view.decisions) decisions.push_back(decision_json(past));
  return Json{{"service", view.service},
              {"driver", view.driver},
              {"min", view.min},
              {"max", view.max},
              {"capacity", view.capacity},
              {"changed", Json{{"min", or_null(view.changed.min)},
                               {"max", or_null(view.changed.max)},
                               {"paused", view.changed.paused},
                               {"command", or_null(view.changed.command)},
                               {"image", or_null(view.changed.image)}}},
              {"wanted", view.wanted},
              {"kept", view.kept},
              {"ready", view.ready},
              {"starting", view.starting},
              {"draining", view.draining},
              {"stopping", view.stopping},
              {"down", view.down},
              {"waiting", view.waiting},
              {"arrivalsPerSecond", view.arrivals},
              {"startTime", milliseconds(view.start_time)},
              {"failedLaunches", view.failures},
              {"retryIn", milliseconds(view.retry_in)},
              {"trouble", view.trouble},
              {"why", view.decisions.empty() ? "" : view.decisions.back().why},
              {"totals", Json{{"launches", view.launches},
                              {"failedLaunches", view.failed_launches},
                              {"drains", view.drains},
                              {"takenBack", view.taken_back},
                              {"closedConnections", view.closed},
                              {"stops", view.stops}}},
              {"servers", std::move(servers)},
              {"decisions", std::move(decisions)}};
}

routing::InternalAnswer not_scaled(std::string_view service) {
  return error_answer(404,
                      fmt::format("service not scaled: {}; GET /api/scaling lists those that are", service));
}

/// Takes a number out of the query: nothing if it is not there.
std::expected<void, std::string> take_number(const ApiCall& call, std::string_view name,
                                             std::optional<std::uint32_t>& out) {
  const std::string text = query_value(call.request, name);
  if (text.empty()) return {};
  if (text == "default") {
    out.reset();
    return {};
  }
  std::uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value > kMostServers) {
    return std::unexpected(
        fmt::format("{}: expected a number up to {}, or default, got \"{}\"", name, kMostServers, text));
  }
  out = value;
  return {};
}

std::expected<void, std::string> take_all(const ApiCall& call, scaling::Override& out) {
  if (auto min = take_number(call, "min", out.min); !min) return min;
  if (auto max = take_number(call, "max", out.max); !max) return max;
  if (const std::string paused = query_value(call.request, "paused"); !paused.empty()) {
    if (paused != "true" && paused != "false") {
      return std::unexpected(fmt::format("paused: expected true or false, got \"{}\"", paused));
    }
    out.paused = paused == "true";
  }
  if (std::string command = query_value(call.request, "command"); command == "default") {
    out.command.reset();
  } else if (!command.empty()) {
    out.command = std::move(command);
  }
  if (std::string image = query_value(call.request, "image"); image == "default") {
    out.image.reset();
  } else if (!image.empty()) {
    out.image = std::move(image);
  }
  return {};
}

/// One family with a sample for each service that is scaled.
template <class Value>
MetricFamily family(const std::vector<PoolView>& views, std::string name, std::string help, MetricType type,
                    Value value) {
  MetricFamily out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.type = type;
  for (const PoolView& view : views) {
    telemetry::Sample sample;
    sample.labels = {{"service", view.service}};
    sample.value = static_cast<double>(value(view));
    out.samples.push_back(std::move(sample));
  }
  return out;
}

MetricFamily servers_family(const std::vector<PoolView>& views) {
  MetricFamily out;
  out.name = "limpet_scaling_servers";
  out.help = "Servers of services that are scaled, by state.";
  out.type = MetricType::kGauge;
  for (const PoolView& view : views) {
    for (const auto& [state, count] : {std::pair{"ready", view.ready},
                                       {"starting", view.starting},
                                       {"draining", view.draining},
                                       {"stopping", view.stopping},
                                       {"down", view.down}}) {
      telemetry::Sample sample;
      sample.labels = {{"service", view.service}, {"state", state}};
      sample.value = count;
      out.samples.push_back(std::move(sample));
    }
  }
  return out;
}

}  // namespace

routing::InternalAnswer get_scaling(const ApiCall& call) {
  Json list = Json::array();
  for (const PoolView& view : call.state.scaler->view()) list.push_back(pool_json(view));
  return json_answer(list);
}

routing::InternalAnswer get_service_scaling(const ApiCall& call) {
  const auto view = call.state.scaler->view(call.name);
  return view ? json_answer(pool_json(*view)) : not_scaled(call.name);
}

routing::InternalAnswer change_scaling(const ApiCall& call) {
  const auto view = call.state.scaler->view(call.name);
  if (!view) return not_scaled(call.name);
  scaling::Override changed = view->changed;
  if (auto taken = take_all(call, changed); !taken) return error_answer(400, taken.error());
  // The name of an image may stand for another one by now.
  const bool asks_for_image = !query_value(call.request, "image").empty();
  if (changed != view->changed || asks_for_image) {
    if (auto done = call.state.scaler->change(view->service, changed); !done) {
      return error_answer(400, done.error());
    }
    base::log_info("the API changes the scaling of {}: {}", view->service, call.request.query);
  }
  return json_answer(pool_json(*call.state.scaler->view(view->service)));
}

std::vector<MetricFamily> scaling_metrics(const ControlState& state) {
  const std::vector<PoolView> views = state.scaler->view();
  if (views.empty()) return {};
  using enum MetricType;
  std::vector<MetricFamily> out;
  out.push_back(servers_family(views));
  out.push_back(family(views, "limpet_scaling_wanted_servers", "Servers that demand asks for.", kGauge,
                       [](const PoolView& view) { return view.wanted; }));
  out.push_back(family(views, "limpet_scaling_waiting_users", "Users held since no server has a seat.",
                       kGauge, [](const PoolView& view) { return view.waiting; }));
  out.push_back(family(views, "limpet_scaling_arrivals_per_second",
                       "New users a second, the larger of a fast and a slow average.", kGauge,
                       [](const PoolView& view) { return view.arrivals; }));
  out.push_back(family(
      views, "limpet_scaling_start_seconds", "Time of a start, 95 of 100 are at most this long.", kGauge,
      [](const PoolView& view) { return std::chrono::duration<double>(view.start_time).count(); }));
  out.push_back(family(views, "limpet_scaling_launches_total", "Servers launched.", kCounter,
                       [](const PoolView& view) { return view.launches; }));
  out.push_back(family(views, "limpet_scaling_failed_launches_total", "Launches that failed.", kCounter,
                       [](const PoolView& view) { return view.failed_launches; }));
  out.push_back(family(views, "limpet_scaling_drains_total", "Servers that began to drain.", kCounter,
                       [](const PoolView& view) { return view.drains; }));
  out.push_back(family(views, "limpet_scaling_taken_back_total", "Draining servers that were taken back.",
                       kCounter, [](const PoolView& view) { return view.taken_back; }));
  out.push_back(family(views, "limpet_scaling_closed_connections_total",
                       "Connections left at a drain deadline.", kCounter,
                       [](const PoolView& view) { return view.closed; }));
  out.push_back(family(views, "limpet_scaling_stops_total", "Servers stopped.", kCounter,
                       [](const PoolView& view) { return view.stops; }));
  return out;
}

}  // namespace limpet::admin
