#include "admin/placements_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <expected>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/answers.h"
#include "admin/placement_json.h"
#include "base/text.h"
#include "base/units.h"

namespace limpet::admin {
namespace {

using placement::PlaceFailure;
using placement::Wish;

constexpr std::size_t kMaxBatch = 1000;
constexpr std::array<std::string_view, 6> kFields = {"service", "key", "seats", "ttl", "more", "server"};

using Problem = std::unexpected<std::string>;

Problem expected_number(std::string_view field, std::uint64_t most) {
  return Problem(fmt::format("{}: expected a whole number from 0 to {}", field, most));
}

/// A time: seconds as a number, or a text such as "2m".
std::expected<base::Duration, std::string> read_ttl(const Json& value) {
  base::Duration ttl{};
  if (value.is_number()) {
    const double seconds = value.get<double>();
    const double most = std::chrono::duration<double>(placement::kMaxTtl).count();
    ttl = std::chrono::duration_cast<base::Duration>(
        std::chrono::duration<double>(std::clamp(seconds, 0.0, 2 * most)));
  } else if (value.is_string()) {
    const auto parsed = base::parse_duration(value.get_ref<const std::string&>());
    if (parsed) ttl = *parsed;
  }
  if (ttl < std::chrono::milliseconds(1) || ttl > placement::kMaxTtl) {
    return Problem("ttl: expected seconds or a text such as \"30s\", at most 24h");
  }
  return ttl;
}

std::expected<Wish, std::string> read_wish(const Json& object) {
  if (!object.is_object()) return Problem("expected an object with service and key, or an array of them");
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(kFields, name) != kFields.end()) continue;
    const auto near = base::nearest(name, {kFields.begin(), kFields.end()});
    return Problem(
        fmt::format("unknown field \"{}\"{}", name, near ? fmt::format(", did you mean {}?", *near) : ""));
  }
  Wish wish;
  for (const auto& [name, out] :
       {std::pair{"service", &wish.service}, {"key", &wish.key}, {"server", &wish.url}}) {
    const auto value = object.find(name);
    if (value == object.end()) continue;
    if (!value->is_string()) return Problem(fmt::format("{}: expected a text", name));
    *out = value->get<std::string>();
  }
  if (wish.service.empty()) return Problem("service: expected the name of a service");
  if (wish.key.empty() || wish.key.size() > placement::kMaxKeyBytes) {
    return Problem(fmt::format("key: expected a text of 1 to {} bytes", placement::kMaxKeyBytes));
  }
  if (const auto seats = object.find("seats"); seats != object.end()) {
    if (!seats->is_number_unsigned() || seats->get<std::uint64_t>() > placement::kMaxSeats) {
      return expected_number("seats", placement::kMaxSeats);
    }
    wish.seats = seats->get<std::uint32_t>();
  }
  if (const auto more = object.find("more"); more != object.end()) {
    if (!more->is_boolean()) return Problem("more: expected true or false");
    wish.more = more->get<bool>();
  }
  if (const auto ttl = object.find("ttl"); ttl != object.end()) {
    const auto read = read_ttl(*ttl);
    if (!read) return Problem(read.error());
    wish.ttl = *read;
  }
  return wish;
}

std::expected<std::vector<Wish>, std::string> read_wishes(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return Problem("expected JSON: {\"service\": ..., \"key\": ...}");
  if (!json.is_array()) {
    auto wish = read_wish(json);
    if (!wish) return Problem(std::move(wish.error()));
    return std::vector{std::move(*wish)};
  }
  if (json.empty() || json.size() > kMaxBatch) {
    return Problem(fmt::format("expected an array of 1 to {} placements", kMaxBatch));
  }
  std::vector<Wish> wishes;
  for (const Json& object : json) {
    auto wish = read_wish(object);
    if (!wish) return Problem(fmt::format("[{}] {}", wishes.size(), wish.error()));
    wishes.push_back(std::move(*wish));
  }
  return wishes;
}

/// Gives the answer once what was changed is on the disk.
void commit(const ControlState& state, routing::InternalAnswer answer,
            routing::InternalHandler::Reply reply) {
  state.placements->commit([answer = std::move(answer), reply = std::move(reply)](bool stored) mutable {
    reply(stored ? std::move(answer)
                 : error_answer(500, "the placement cannot be stored; Limpet's log says why"));
  });
}

/// A service that is gone still has its placements for a while, by its whole name.
std::string service_in_path(const ApiCall& call) {
  const auto service = find_balanced_service(call.state, call.name);
  return service ? (*service)->name() : call.name;
}

routing::InternalAnswer unknown_placement(std::string_view service, std::string_view key) {
  return error_answer(404, fmt::format("service {} has no placement with key {}", service, key));
}

}  // namespace

void place(const ApiCall& call, routing::InternalHandler::Reply reply) {
  auto wishes = read_wishes(call.request.body);
  if (!wishes) return reply(error_answer(400, wishes.error()));
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (Wish& wish : *wishes) {
    const auto service = find_balanced_service(call.state, wish.service);
    if (!service) return reply(error_answer(404, service.error()));
    wish.service = (*service)->name();
    if (names.emplace(wish.service, wish.key).second) continue;
    return reply(error_answer(400, fmt::format("key {} of {} is given twice", wish.key, wish.service)));
  }
  const bool batch = base::trim(call.request.body).starts_with('[');
  call.state.placer->place(
      std::move(*wishes), [&state = call.state, batch, reply = std::move(reply)](
                              std::span<const Wish> asked, const placement::Placer::Result& placed) mutable {
        if (!placed) {
          const PlaceFailure& failure = placed.error();
          return reply(place_failure_answer(failure.error, asked[failure.wish]));
        }
        Json json = Json::array();
        for (const placement::Placed& each : *placed) {
          json.push_back(placement_json_with_way_in(*find_leaf(state, each.row.service), each));
        }
        commit(state, json_answer(batch ? json : json.front()), std::move(reply));
      });
}

routing::InternalAnswer get_placements(const ApiCall& call) {
  std::string service = query_value(call.request, "service");
  if (!service.empty()) {
    const auto found = find_balanced_service(call.state, service);
    if (!found) return error_answer(404, found.error());
    service = (*found)->name();
  }
  Json list = Json::array();
  for (const placement::Placed& placed : call.state.placements->list(service)) {
    list.push_back(placement_json(placed));
  }
  return json_answer(list);
}

routing::InternalAnswer get_placement(const ApiCall& call) {
  const std::string service = service_in_path(call);
  const auto placed = call.state.placements->find(service, call.second_name);
  return placed ? json_answer(placement_json(*placed)) : unknown_placement(service, call.second_name);
}

void delete_placement(const ApiCall& call, routing::InternalHandler::Reply reply) {
  const std::string service = service_in_path(call);
  const auto placed = call.state.placements->find(service, call.second_name);
  if (!placed || !call.state.placements->remove(service, call.second_name)) {
    return reply(unknown_placement(service, call.second_name));
  }
  commit(call.state, json_answer(placement_json(*placed)), std::move(reply));
}

}  // namespace limpet::admin
