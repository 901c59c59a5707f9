#include "admin/placement_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/timestamp.h"

namespace limpet::admin {
namespace {

// Most single-use tickets in one answer.
constexpr std::uint32_t kMaxTickets = 10'000;

std::string timestamp_of(std::uint64_t unix_ms) {
  return base::utc_timestamp(base::WallTime(std::chrono::milliseconds(unix_ms)));
}

const balancing::Service* balanced(const routing::ServiceNode& node) {
  const auto* service = std::get_if<std::unique_ptr<balancing::Service>>(&node.kind);
  return service == nullptr ? nullptr : service->get();
}

Json cookie_json(const balancing::Service& service, const placement::Placed& placed) {
  const auto server = service.find_server(placed.row.url);
  if (service.cookie_name().empty() || !server) return {};
  return Json{{"name", service.cookie_name()},
              {"value", service.placed_cookie_value(*server, placed.row.id)},
              {"setCookie", service.set_placed_cookie(*server, placed.row.id)}};
}

}  // namespace

const balancing::Service* find_leaf(const ControlState& state, std::string_view name) {
  const auto found = state.built.snapshot->services.find(name);
  return found == state.built.snapshot->services.end() ? nullptr : balanced(*found->second);
}

std::expected<const balancing::Service*, std::string> find_balanced_service(const ControlState& state,
                                                                            std::string_view name) {
  const auto& services = state.built.snapshot->services;
  if (const auto exact = services.find(name); exact != services.end()) {
    if (const auto* service = balanced(*exact->second)) return service;
    return std::unexpected(fmt::format("service {} has no servers of its own to place keys on", name));
  }
  const balancing::Service* found = nullptr;
  for (const auto& [qualified, node] : services) {
    const auto* service = balanced(*node);
    if (service == nullptr || qualified.substr(0, qualified.rfind('@')) != name) continue;
    if (found != nullptr) {
      return std::unexpected(fmt::format("there are {} and {}: say which", found->name(), qualified));
    }
    found = service;
  }
  if (found == nullptr) return std::unexpected(fmt::format("service not found: {}", name));
  return found;
}

std::string ticket_for(const balancing::Service& service, const placement::Placed& placed) {
  const auto& keys = service.ticket_keys();
  const auto server = service.find_server(placed.row.url);
  if (keys == nullptr || keys->empty() || !server) return {};
  return keys->sign({.service = service.ticket_id(),
                     .server = service.servers()[*server].ticket_id,
                     .placement = placed.row.id,
                     .nonce = service.settings().tickets.single_use ? placement::random_id() : 0,
                     .expires_ms = placed.row.expires_ms});
}

Json placement_json(const placement::Placed& placed) {
  const placement::Row& row = placed.row;
  return Json{{"service", row.service},
              {"key", row.key},
              {"server", row.url},
              {"seats", row.seats},
              {"reserved", row.held},
              {"present", placed.present},
              {"created", timestamp_of(row.created_ms)},
              {"expires", timestamp_of(row.expires_ms)},
              {"movedFrom", row.moved_from.empty() ? Json() : Json(row.moved_from)}};
}

Json placement_json_with_way_in(const balancing::Service& service, const placement::Placed& placed) {
  Json json = placement_json(placed);
  json["isNew"] = placed.created;
  json["moved"] = placed.moved;
  json["cookie"] = cookie_json(service, placed);
  const std::string ticket = ticket_for(service, placed);
  json["ticket"] = ticket.empty() ? Json() : Json(ticket);
  if (!service.settings().tickets.single_use || ticket.empty()) return json;
  Json& tickets = json["tickets"] = Json::array({ticket});
  for (std::uint32_t i = 1; i < std::min(placed.row.seats, kMaxTickets); ++i) {
    tickets.push_back(ticket_for(service, placed));
  }
  return json;
}

routing::InternalAnswer place_failure_answer(placement::PlaceError error, const placement::Wish& wish) {
  using enum placement::PlaceError;
  const auto full = [](std::string message) {
    routing::InternalAnswer answer = error_answer(503, message);
    answer.fields.emplace_back("Retry-After", "2");
    return answer;
  };
  switch (error) {
    case kUnknownService:
      return error_answer(404, fmt::format("service not found: {}", wish.service));
    case kUnknownServer:
      return error_answer(404, fmt::format("service {} has no server {} that is up", wish.service, wish.url));
    case kRoomFull:
      return error_answer(409,
                          fmt::format("the server of key {} has no {} seats left", wish.key, wish.seats));
    case kAllFull:
      return full(fmt::format("no server of {} has {} seats left", wish.service, wish.seats));
    case kNoServer:
      return full(fmt::format("no server of {} is up and takes new users", wish.service));
    case kDeclined:
      return full(fmt::format("the webhook of {} has no place for key {}", wish.service, wish.key));
    case kTooMany:
      return full("there are too many placements");
  }
  return error_answer(500, "unknown failure");
}

}  // namespace limpet::admin
