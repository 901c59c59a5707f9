#include "admin/join.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/answers.h"
#include "admin/placement_json.h"
#include "base/text.h"
#include "http/syntax.h"

namespace limpet::admin {
namespace {

constexpr std::string_view kNegotiate = "/limpet/join/negotiate";

/// "https://a.example:8443" of a URL; empty if it has no scheme and host.
std::string_view origin_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return {};
  return url.substr(0, url.find_first_of("/?#\\", scheme + 3));
}

bool is_listed(const config::Join& join, std::string_view origin) {
  return std::ranges::any_of(join.origins,
                             [origin](const std::string& each) { return base::iequals(each, origin); });
}

/// Whether a URL leads to a path of the same origin, or to an origin that is listed: "*" lists none of these,
/// so that nobody is sent just anywhere.
bool may_lead_to(const config::Join& join, std::string_view url) {
  if (!http::is_field_value(url) || url.contains(' ')) return false;
  if (url.starts_with('/')) return !url.starts_with("//") && !url.contains('\\');
  const std::string_view origin = origin_of(url);
  return !origin.empty() && is_listed(join, origin);
}

std::string own_origin(const routing::InternalRequest& request) {
  const bool tls = find_field(request, "X-Forwarded-Proto").value_or("") == "https";
  return fmt::format("{}://{}", tls ? "https" : "http", find_field(request, "Host").value_or(request.host));
}

std::string with_ticket(std::string_view url, const balancing::Service& service, std::string_view ticket) {
  if (ticket.empty()) return std::string(url);
  const std::size_t fragment = std::min(url.find('#'), url.size());
  const std::string_view before = url.substr(0, fragment);
  return fmt::format("{}{}{}={}{}", before, before.contains('?') ? '&' : '?',
                     service.settings().tickets.query, ticket, url.substr(fragment));
}

/// The fields that let pages of another origin read an answer; nothing if they may not even ask.
std::optional<std::vector<std::pair<std::string, std::string>>> cors_fields(
    const routing::InternalRequest& request, const config::Join& join) {
  std::vector<std::pair<std::string, std::string>> fields{{"Vary", "Origin"}};
  const auto origin = find_field(request, "Origin");
  if (!origin) return fields;
  const std::string_view authority = origin->substr(std::min(origin->find("://") + 3, origin->size()));
  if (base::iequals(authority, find_field(request, "Host").value_or(request.host))) return fields;
  const bool listed = is_listed(join, *origin);
  if (!listed && std::ranges::find(join.origins, "*") == join.origins.end()) return std::nullopt;
  fields.emplace_back("Access-Control-Allow-Origin", listed ? std::string(*origin) : "*");
  // The cookie is for pages that are listed; others have the ticket.
  if (listed) fields.emplace_back("Access-Control-Allow-Credentials", "true");
  return fields;
}

routing::InternalAnswer preflight(const routing::InternalRequest& request) {
  routing::InternalAnswer answer;
  answer.status = 204;
  answer.fields.emplace_back("Access-Control-Allow-Methods", "GET, POST");
  // SignalR's clients send fields of their own.
  const std::string_view asked = find_field(request, "Access-Control-Request-Headers").value_or("");
  if (!asked.empty()) answer.fields.emplace_back("Access-Control-Allow-Headers", asked);
  answer.fields.emplace_back("Access-Control-Max-Age", "600");
  return answer;
}

routing::InternalAnswer welcome(const routing::InternalRequest& request, const balancing::Service& service,
                                const placement::Placed& placed) {
  const std::string ticket = ticket_for(service, placed);
  const auto server = service.find_server(placed.row.url);
  const bool by_cookie = !service.cookie_name().empty() && server;
  routing::InternalAnswer answer;
  const std::string target = query_value(request, "redirect");
  if (request.path == kNegotiate) {
    std::string url = query_value(request, "url");
    if (url.starts_with('/')) url = own_origin(request) + url;
    answer = json_answer(Json{{"url", with_ticket(url, service, ticket)}, {"accessToken", ticket}});
  } else if (!target.empty()) {
    answer = text_answer(302, "");
    answer.fields.emplace_back("Location", by_cookie ? target : with_ticket(target, service, ticket));
    answer.fields.emplace_back("Cache-Control", "no-store");
  } else {
    const Json json = placement_json(placed);
    answer = json_answer(Json{{"service", json["service"]},
                              {"key", json["key"]},
                              {"expires", json["expires"]},
                              {"ticket", ticket.empty() ? Json() : Json(ticket)}});
  }
  if (by_cookie) answer.fields.emplace_back("Set-Cookie", service.set_placed_cookie(*server, placed.row.id));
  return answer;
}

/// The refusal of a request that asks for something it may not have.
std::optional<routing::InternalAnswer> refuse_targets(const routing::InternalRequest& request,
                                                      const config::Join& join) {
  const std::string target = query_value(request, "redirect");
  if (!target.empty() && !may_lead_to(join, target)) {
    return error_answer(400, "redirect: expected a path, or a URL of one of the service's join.origins");
  }
  if (request.path == kNegotiate && !may_lead_to(join, query_value(request, "url"))) {
    return error_answer(400,
                        "url: expected the path of the hub, or a URL of one of the service's join.origins");
  }
  return std::nullopt;
}

}  // namespace

void answer_join(const routing::InternalRequest& request, ControlState& state,
                 routing::InternalHandler::Reply reply) {
  const auto service = find_balanced_service(state, query_value(request, "service"));
  if (!service || !(*service)->settings().join.enabled) {
    return reply(error_answer(404, "service: expected the name of a service that can be joined"));
  }
  const config::Join& join = (*service)->settings().join;
  auto cors = cors_fields(request, join);
  if (!cors) return reply(error_answer(403, "pages of this origin may not join"));
  const auto finish = [&cors](routing::InternalAnswer answer) {
    std::ranges::move(*cors, std::back_inserter(answer.fields));
    return answer;
  };
  if (request.method == "OPTIONS") return reply(finish(preflight(request)));
  if (request.method != "GET" && (request.method != "POST" || request.path != kNegotiate)) {
    return reply(
        finish(method_not_allowed(request.path == kNegotiate ? "GET, POST, OPTIONS" : "GET, OPTIONS")));
  }
  placement::Wish wish{.service = (*service)->name(), .key = query_value(request, "key"), .more = true};
  if (wish.key.empty() || wish.key.size() > placement::kMaxKeyBytes) {
    return reply(finish(
        error_answer(400, fmt::format("key: expected a text of 1 to {} bytes", placement::kMaxKeyBytes))));
  }
  if (auto refused = refuse_targets(request, join)) return reply(finish(std::move(*refused)));
  state.placer->place({std::move(wish)}, [&state, request, cors = std::move(*cors), reply = std::move(reply)](
                                             std::span<const placement::Wish> wishes,
                                             const placement::Placer::Result& placed) mutable {
    auto answer = placed ? welcome(request, *find_leaf(state, wishes.front().service), placed->front())
                         : place_failure_answer(placed.error().error, wishes.front());
    std::ranges::move(cors, std::back_inserter(answer.fields));
    if (!placed) return reply(std::move(answer));
    state.placements->commit([answer = std::move(answer), reply = std::move(reply)](bool stored) mutable {
      reply(stored ? std::move(answer) : error_answer(500, "the placement cannot be stored"));
    });
  });
}

}  // namespace limpet::admin
