#include "admin/api_router.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "admin/answers.h"
#include "admin/placements_api.h"
#include "admin/scaling_api.h"
#include "admin/servers_api.h"
#include "admin/traefik_api.h"
#include "http/cookie.h"

namespace limpet::admin {
namespace {

constexpr std::string_view kName = "{name}";
constexpr std::string_view kKey = "{key}";

constexpr auto kEndpoints = std::to_array<ApiEndpoint>({
    {"GET", "/api/version", get_version},
    {"GET", "/api/overview", get_overview},
    {"GET", "/api/rawdata", get_rawdata},
    {"GET", "/api/entrypoints", get_entry_points},
    {"GET", "/api/entrypoints/{name}", get_entry_point},
    {"GET", "/api/http/routers", get_routers},
    {"GET", "/api/http/routers/{name}", get_router},
    {"GET", "/api/http/services", get_services},
    {"GET", "/api/http/services/{name}", get_service},
    {"GET", "/api/http/middlewares", get_middlewares},
    {"GET", "/api/http/middlewares/{name}", get_middleware},
    {"GET", "/api/tcp/routers", get_empty_list},
    {"GET", "/api/tcp/services", get_empty_list},
    {"GET", "/api/tcp/middlewares", get_empty_list},
    {"GET", "/api/udp/routers", get_empty_list},
    {"GET", "/api/udp/services", get_empty_list},
    {"GET", "/api/servers", get_servers},
    {"GET", "/api/servers/{name}", get_server},
    {"POST", "/api/servers/{name}/drain", drain_server},
    {"POST", "/api/servers/{name}/undrain", undrain_server},
    {"GET", "/api/providers", get_providers},
    {"GET", "/api/scaling", get_scaling},
    {"GET", "/api/scaling/{name}", get_service_scaling},
    {"POST", "/api/scaling/{name}", change_scaling},
    {"GET", "/api/placements", get_placements},
    {"POST", "/api/placements", nullptr, place},
    {"GET", "/api/placements/{name}/{key}", get_placement},
    {"DELETE", "/api/placements/{name}/{key}", nullptr, delete_placement},
});

/// What stands for "{name}" and "{key}" in a path; empty if the pattern has none.
struct Names {
  std::string_view name;
  std::string_view key;
};

/// Takes one segment off both if it fits, and puts it into `out` if the pattern has braces there.
bool match_segment(std::string_view& pattern, std::string_view& path, Names& out) {
  const std::string_view wanted = pattern.substr(0, pattern.find('/'));
  const std::string_view given = path.substr(0, path.find('/'));
  if (wanted == kName && !given.empty()) {
    out.name = given;
  } else if (wanted == kKey && !given.empty()) {
    out.key = given;
  } else if (wanted != given) {
    return false;
  }
  pattern.remove_prefix(wanted.size());
  path.remove_prefix(given.size());
  return true;
}

/// Nothing if `path` does not fit `pattern`.
std::optional<Names> match(std::string_view pattern, std::string_view path) {
  Names names;
  while (!pattern.empty() && !path.empty()) {
    if (!match_segment(pattern, path, names)) return std::nullopt;
    if (pattern.empty() || path.empty()) break;
    pattern.remove_prefix(1);
    path.remove_prefix(1);
  }
  return pattern.empty() && path.empty() ? std::optional(names) : std::nullopt;
}

}  // namespace

std::span<const ApiEndpoint> api_endpoints() {
  return kEndpoints;
}

void answer_api(const routing::InternalRequest& request, std::string_view path, ControlState& state,
                routing::InternalHandler::Reply reply) {
  std::string allowed;
  for (const ApiEndpoint& endpoint : kEndpoints) {
    const auto names = match(endpoint.path, path);
    if (!names) continue;
    const bool reads = endpoint.method == "GET";
    if (reads ? !only_reads(request) : request.method != endpoint.method) {
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", reads ? "GET, HEAD" : endpoint.method);
      continue;
    }
    const ApiCall call{.request = request,
                       .state = state,
                       .name = http::percent_decode(names->name, false),
                       .second_name = http::percent_decode(names->key, false)};
    if (endpoint.answer == nullptr) return endpoint.answer_later(call, std::move(reply));
    return reply(endpoint.answer(call));
  }
  reply(allowed.empty() ? error_answer(404, fmt::format("nothing is answered at {}; see docs/api.md", path))
                        : method_not_allowed(allowed));
}

}  // namespace limpet::admin
