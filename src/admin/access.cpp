#include "admin/access.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "admin/answers.h"
#include "base/text.h"
#include "config/effective.h"
#include "http/syntax.h"
#include "net/address.h"

namespace limpet::admin {
namespace {

std::string_view without_brackets(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
  return host;
}

/// The host of "host:port" in the form that hosts are compared in.
std::string comparable_host(std::string_view authority) {
  std::string_view host = without_brackets(http::host_without_port(authority));
  if (host.ends_with('.')) host.remove_suffix(1);
  return base::to_lower(host);
}

/// Entry points that the API has to itself. On others it is a router's service, which may well be asked for
/// under any name, such as a proxy's before it.
bool is_for_the_api(std::string_view entry_point, const ControlState& state) {
  if (entry_point == kAdminEntryPoint) return true;
  return entry_point == config::kInternalEntryPoint && state.settings.api && state.settings.api->insecure;
}

bool listens_on_loopback(const std::string& entry_point, const ControlState& state) {
  const auto found = state.addresses.find(entry_point);
  if (found == state.addresses.end()) return false;
  const auto address = net::IpAddress::parse(comparable_host(found->second));
  return address && address->is_loopback();
}

/// The address of the entry point as it was configured.
std::string_view configured_address(const std::string& entry_point, const ControlState& state) {
  if (entry_point == kAdminEntryPoint)
    return state.settings.api ? state.settings.api->address : std::string_view();
  const auto found = state.settings.entry_points.find(entry_point);
  return found == state.settings.entry_points.end() ? std::string_view() : found->second.address;
}

bool names_this_machine(const routing::InternalRequest& request, const ControlState& state) {
  const std::string wanted = comparable_host(request.host);
  if (wanted == "localhost") return true;
  if (const auto address = net::IpAddress::parse(wanted)) return address->is_loopback();
  return !wanted.empty() && wanted == comparable_host(configured_address(request.entry_point, state));
}

bool has_token(const routing::InternalRequest& request, std::string_view token) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string_view given = find_field(request, "Authorization").value_or("");
  return given.size() > kScheme.size() && base::iequals(given.substr(0, kScheme.size()), kScheme) &&
         base::equals_constant_time(base::trim(given.substr(kScheme.size())), token);
}

/// "host:port" without the port that the scheme implies.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = http::port_of(authority);
  const bool implied = (scheme == "http" && port == "80") || (scheme == "https" && port == "443");
  return implied ? authority.substr(0, authority.size() - port.size() - 1) : authority;
}

bool is_same_origin(std::string_view origin, std::string_view host) {
  constexpr std::string_view kSeparator = "://";
  const std::size_t end = origin.find(kSeparator);
  if (end == std::string_view::npos) return false;  // "null" too
  const std::string_view scheme = origin.substr(0, end);
  const std::string_view authority = origin.substr(end + kSeparator.size());
  return base::iequals(without_default_port(authority, scheme), without_default_port(host, scheme));
}

}  // namespace

std::optional<routing::InternalAnswer> refuse(const routing::InternalRequest& request, Subject subject,
                                              const ControlState& state) {
  if (is_for_the_api(request.entry_point, state) && listens_on_loopback(request.entry_point, state) &&
      !names_this_machine(request, state)) {
    return error_answer(
        403, fmt::format(
                 "the admin API listens on loopback and is not answered under the name \"{}\", which a web "
                 "page could have made to resolve to it (DNS rebinding): ask for localhost or {}",
                 request.host, state.addresses.at(request.entry_point)));
  }
  const auto& api = state.settings.api;
  if (subject == Subject::kData && api && !api->token.empty() && !has_token(request, api->token)) {
    routing::InternalAnswer answer =
        error_answer(401, "expected the header \"Authorization: Bearer\" with api.token");
    answer.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"limpet\"");
    return answer;
  }
  const auto origin = find_field(request, "Origin");
  if (!only_reads(request) && origin &&
      !is_same_origin(*origin, find_field(request, "Host").value_or(request.host))) {
    return error_answer(
        403, fmt::format("changes are not taken from pages of another origin, here \"{}\"", *origin));
  }
  return std::nullopt;
}

}  // namespace limpet::admin
