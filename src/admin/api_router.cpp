#include "admin/api_router.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>

#include "admin/answers.h"
#include "admin/scaling_api.h"
#include "admin/servers_api.h"
#include "admin/traefik_api.h"
#include "http/cookie.h"

namespace limpet::admin {
namespace {

constexpr std::string_view kName = "{name}";

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
});

/// What stands for "{name}" in `path` if it fits `pattern`: an empty text if the pattern has none.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const std::size_t at = pattern.find(kName);
  if (at == std::string_view::npos)
    return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, at);
  const std::string_view after = pattern.substr(at + kName.size());
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  const std::string_view name = path.substr(before.size(), path.size() - before.size() - after.size());
  return name.contains('/') ? std::nullopt : std::optional(name);
}

}  // namespace

std::span<const ApiEndpoint> api_endpoints() {
  return kEndpoints;
}

routing::InternalAnswer answer_api(const routing::InternalRequest& request, std::string_view path,
                                   ControlState& state) {
  std::string allowed;
  for (const ApiEndpoint& endpoint : kEndpoints) {
    const auto name = match(endpoint.path, path);
    if (!name) continue;
    const bool reads = endpoint.method == "GET";
    if (reads ? !only_reads(request) : request.method != endpoint.method) {
      allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", reads ? "GET, HEAD" : endpoint.method);
      continue;
    }
    return endpoint.answer({.request = request, .state = state, .name = http::percent_decode(*name, false)});
  }
  if (!allowed.empty()) return method_not_allowed(allowed);
  return error_answer(404, fmt::format("nothing is answered at {}; see docs/api.md", path));
}

}  // namespace limpet::admin
