#include "admin/servers_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "admin/answers.h"
#include "admin/servers.h"
#include "balancing/sticky.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace limpet::admin {
namespace {

using config::CookieFormat;

constexpr std::array kPublicFormats = {CookieFormat::kFnv1a,    CookieFormat::kFnv1aStripped,
                                       CookieFormat::kTraefik3, CookieFormat::kSha256,
                                       CookieFormat::kFnv1,     CookieFormat::kRaw};

std::string_view health_name(balancing::Health health) {
  switch (health) {
    case balancing::Health::kUnknown:
      return "unknown";
    case balancing::Health::kUp:
      return "up";
    case balancing::Health::kDown:
      return "down";
  }
  return "unknown";
}

/// Every value that names the server, by format. With a secret only its own is accepted, so only that is
/// told.
Json cookie_values(const ServerView& view) {
  const auto& sticky = view.service->settings().sticky;
  Json values = Json::object();
  if (sticky && sticky->cookie && sticky->cookie->format == CookieFormat::kHmac) {
    values[std::string(balancing::format_name(CookieFormat::kHmac))] = view.server->cookie_value;
    return values;
  }
  for (const CookieFormat format : kPublicFormats) {
    values[std::string(balancing::format_name(format))] = balancing::cookie_value(view.server->url, format);
  }
  return values;
}

Json traffic_json(const balancing::ServerState::Totals& totals) {
  return Json{{"requests", totals.requests},
              {"tunnels", totals.tunnels},
              {"messagesToServer", totals.messages_to_server},
              {"messagesToClient", totals.messages_to_client},
              {"bytesToServer", totals.bytes_to_server},
              {"bytesToClient", totals.bytes_to_client},
              {"failures", totals.failures}};
}

std::string_view admin_name(balancing::AdminState state) noexcept {
  switch (state) {
    case balancing::AdminState::kReady:
      return "ready";
    case balancing::AdminState::kDraining:
      return "draining";
    case balancing::AdminState::kClosing:
      return "closing";
  }
  return "ready";
}

Json server_json(const ServerView& view, base::TimePoint now) {
  const balancing::Server& server = *view.server;
  const balancing::ServerState& state = *server.state;
  Json addresses = Json::array();
  for (const net::SocketAddress& address : server.addresses) addresses.push_back(address.text());
  const std::string& cookie_name = view.service->cookie_name();
  return Json{{"id", state.id()},
              {"service", view.service->name()},
              {"url", server.url},
              {"status", status_name(status_of(server, now))},
              {"health", health_name(state.health())},
              {"admin", admin_name(state.admin())},
              {"fenced", server.fenced},
              {"ejected", state.is_ejected(now)},
              {"addresses", std::move(addresses)},
              {"connections", state.seats_taken()},
              {"tunnels", state.tunnels_open()},
              {"reserved", state.seats_reserved()},
              {"capacity", server.capacity == 0 ? Json() : Json(server.capacity)},
              {"weight", server.weight},
              {"cookieName", cookie_name.empty() ? Json() : Json(cookie_name)},
              {"cookieValue", server.cookie_value},
              {"cookieValues", cookie_values(view)},
              {"traffic", traffic_json(state.totals())}};
}

std::optional<ServerView> find_server(const ControlState& state, std::string_view id) {
  for (const ServerView& view : all_servers(state)) {
    if (view.server->state->id() == id) return view;
  }
  return std::nullopt;
}

routing::InternalAnswer unknown_server(std::string_view id) {
  return error_answer(404,
                      fmt::format("server not found: {}; GET /api/servers lists them with their ids", id));
}

routing::InternalAnswer set_admin(const ApiCall& call, balancing::AdminState wanted) {
  const auto view = find_server(call.state, call.name);
  if (!view) return unknown_server(call.name);
  balancing::ServerState& state = *view->server->state;
  const bool drains_already =
      wanted == balancing::AdminState::kDraining && state.admin() == balancing::AdminState::kClosing;
  if (state.admin() != wanted && !drains_already) {
    state.set_admin(wanted);
    base::log_info("the API {} server {} of {}",
                   wanted == balancing::AdminState::kDraining ? "drains" : "undrains", state.url(),
                   state.service());
  }
  return json_answer(server_json(*view, base::Clock::now()));
}

bool is_wanted(std::string_view service, std::string_view wanted) {
  if (wanted.empty() || service == wanted) return true;
  return !wanted.contains('@') && service.substr(0, service.rfind('@')) == wanted;
}

}  // namespace

routing::InternalAnswer get_servers(const ApiCall& call) {
  const base::TimePoint now = base::Clock::now();
  const std::string wanted = query_value(call.request, "service");
  Json list = Json::array();
  for (const ServerView& view : all_servers(call.state)) {
    if (is_wanted(view.service->name(), wanted)) list.push_back(server_json(view, now));
  }
  return json_answer(list);
}

routing::InternalAnswer get_server(const ApiCall& call) {
  const auto view = find_server(call.state, call.name);
  return view ? json_answer(server_json(*view, base::Clock::now())) : unknown_server(call.name);
}

routing::InternalAnswer drain_server(const ApiCall& call) {
  return set_admin(call, balancing::AdminState::kDraining);
}

routing::InternalAnswer undrain_server(const ApiCall& call) {
  return set_admin(call, balancing::AdminState::kReady);
}

routing::InternalAnswer get_providers(const ApiCall& call) {
  Json list = Json::array();
  for (const auto& [name, status] : call.state.providers) {
    Json problems = Json::array();
    for (const base::Diagnostic& problem : status.problems.items()) {
      problems.push_back(Json{{"severity", problem.severity == base::Severity::kError ? "error" : "warning"},
                              {"place", problem.place.text()},
                              {"key", problem.key},
                              {"message", problem.message}});
    }
    const bool ever = status.last_success != base::WallTime{};
    list.push_back(Json{{"name", name},
                        {"failed", status.failed},
                        {"problems", std::move(problems)},
                        {"lastSuccess", ever ? Json(base::utc_timestamp(status.last_success)) : Json()}});
  }
  return json_answer(list);
}

}  // namespace limpet::admin
