#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/text.h"
#include "http/syntax.h"
#include "net/address.h"

namespace limpet::config {
namespace {

/// Collects what is wrong with one thing at one place.
class Findings {
 public:
  Findings(base::SourcePlace place, std::string prefix)
      : place_(std::move(place)), prefix_(std::move(prefix)) {}

  void error(std::string_view key, std::string message) {
    found_.error(place_, prefix_ + std::string(key), std::move(message));
  }
  void warning(std::string_view key, std::string message) {
    found_.warning(place_, prefix_ + std::string(key), std::move(message));
  }
  [[nodiscard]] base::Diagnostics take() { return std::move(found_); }

 private:
  base::SourcePlace place_;
  std::string prefix_;
  base::Diagnostics found_;
};

void check_cookie(const StickyCookie& cookie, Findings& out) {
  if (!cookie.name.empty() && !http::is_token(cookie.name)) {
    out.warning("sticky.cookie.name",
                fmt::format("\"{}\" is not a cookie name, so _ stands for the characters that "
                            "may not occur in one",
                            cookie.name));
  }
  for (const auto& [key, text] :
       {std::pair{"sticky.cookie.path", &cookie.path}, {"sticky.cookie.domain", &cookie.domain}}) {
    if (!http::is_field_value(*text) || text->find(';') != std::string::npos) {
      out.error(key, "expected a text without semicolons and control characters");
    }
  }
  if (cookie.format == CookieFormat::kHmac && cookie.secret.empty()) {
    out.error("sticky.cookie.secret", "expected a secret, since format is hmac");
  }
  if (cookie.format != CookieFormat::kHmac && !cookie.secret.empty()) {
    out.warning("sticky.cookie.secret", "has no use unless format is hmac");
  }
  if (cookie.same_site == SameSite::kNone && !cookie.secure) {
    out.warning("sticky.cookie.sameSite", "browsers drop a cookie with sameSite none that is not secure");
  }
  if (cookie.partitioned && !cookie.secure) {
    out.warning("sticky.cookie.partitioned", "browsers drop a partitioned cookie that is not secure");
  }
}

void check_sticky(const Sticky& sticky, Findings& out) {
  if (sticky.cookie) check_cookie(*sticky.cookie, out);
  const bool names_cookie = std::ranges::any_of(
      sticky.sources, [](const StickySource& source) { return source.kind == StickySourceKind::kCookie; });
  if (names_cookie && !sticky.cookie)
    out.error("sticky.sources", "cookie is among them, but sticky.cookie is not set");
  for (const StickySource& source : sticky.sources) {
    if (source.kind == StickySourceKind::kHeader && !http::is_token(source.name)) {
      out.error("sticky.sources", fmt::format("\"{}\" is not a header name", source.name));
    }
    if (std::ranges::count(sticky.sources, source) > 1) {
      out.error("sticky.sources", "the same source is given twice");
      break;
    }
  }
  if (sticky.on_unknown == LostPolicy::kWait)
    out.error("sticky.onUnknown", "expected move or reject, got wait");
  const bool waits = sticky.on_down == LostPolicy::kWait || sticky.on_full == LostPolicy::kWait ||
                     sticky.on_draining == LostPolicy::kWait;
  if (waits && sticky.wait_timeout <= base::Duration::zero()) {
    out.error("sticky.waitTimeout", "expected more than 0, since users are to wait");
  }
}

void check_health(const HealthCheck& check, Findings& out) {
  if (check.scheme == "https") {
    out.error("healthCheck.scheme", "https is not supported yet");
  } else if (!check.scheme.empty() && check.scheme != "http") {
    out.error("healthCheck.scheme", fmt::format("expected http, got \"{}\"", check.scheme));
  }
  if (check.mode != "http") out.error("healthCheck.mode", fmt::format("{} is not supported yet", check.mode));
  if (!http::is_token(check.method)) out.error("healthCheck.method", "expected a method such as GET or HEAD");
  if (check.path.find_first_of(" \t\r\n#") != std::string::npos ||
      (!check.path.empty() && check.path.front() != '/' && check.path.front() != '?')) {
    out.error("healthCheck.path", fmt::format("expected a path such as /health, got \"{}\"", check.path));
  }
  if (!check.hostname.empty() && !http::is_authority(check.hostname)) {
    out.error("healthCheck.hostname", fmt::format("\"{}\" is not a host name", check.hostname));
  }
  const auto positive = [&](std::string_view key, base::Duration value) {
    if (value <= base::Duration::zero()) out.error(key, "expected a time above 0");
  };
  positive("healthCheck.interval", check.interval);
  positive("healthCheck.timeout", check.timeout);
  if (check.unhealthy_interval) positive("healthCheck.unhealthyInterval", *check.unhealthy_interval);
  if (check.timeout > check.interval) {
    out.warning("healthCheck.timeout", "longer than interval, so checks wait for each other");
  }
  for (const auto& [name, value] : check.headers) {
    if (!http::is_token(name) || !http::is_field_value(value)) {
      out.error("healthCheck.headers", fmt::format("\"{}\" is not a header", name));
    }
  }
}

void check_kind(const LoadBalancer& settings, Findings& out) {
  if (settings.sticky) check_sticky(*settings.sticky, out);
  if (settings.health_check) check_health(*settings.health_check, out);
  if (settings.passive_health_check &&
      settings.passive_health_check->failure_window <= base::Duration::zero()) {
    out.error("passiveHealthCheck.failureWindow", "expected a time above 0");
  }
}

void check_kind(const Weighted& settings, Findings& out) {
  if (settings.services.empty()) out.error("services", "expected at least one service");
  std::uint64_t total = 0;
  for (const WeightedChild& child : settings.services) {
    total += child.weight;
    if (child.name.empty()) out.error("services", "expected a name for each service");
  }
  if (!settings.services.empty() && total == 0)
    out.error("services", "expected a weight above 0 for one of them");
  if (settings.sticky) {
    check_sticky(*settings.sticky, out);
    if (!settings.sticky->sources.empty())
      out.warning("sticky.sources", "has no effect on a weighted service");
  }
}

void check_kind(const Failover& settings, Findings& out) {
  if (settings.service.empty()) out.error("service", "expected the name of a service");
  if (settings.fallback.empty()) out.error("fallback", "expected the name of a service");
}

void check_ranges(const std::vector<std::string>& ranges, std::string_view key, Findings& out) {
  for (const std::string& range : ranges) {
    if (!net::IpRange::parse(range)) {
      out.error(key, fmt::format("\"{}\" is not an address or CIDR range such as 10.0.0.0/8", range));
    }
  }
}

void check_ip_strategy(const IpStrategy& strategy, std::string_view key, Findings& out) {
  check_ranges(strategy.excluded_ips, key, out);
  if (strategy.depth != 0 && !strategy.excluded_ips.empty()) {
    out.warning(key, "depth is given, so excludedIPs has no effect");
  }
}

void check_criterion(const std::optional<SourceCriterion>& criterion, Findings& out) {
  if (!criterion) return;
  const int given = (criterion->ip_strategy ? 1 : 0) + (criterion->request_header_name.empty() ? 0 : 1) +
                    (criterion->request_host ? 1 : 0);
  if (given > 1) {
    out.error("sourceCriterion", "expected one of ipStrategy, requestHeaderName, requestHost, not several");
  }
  if (criterion->ip_strategy) check_ip_strategy(*criterion->ip_strategy, "sourceCriterion.ipStrategy", out);
}

void check_headers(const std::map<std::string, std::string>& headers, std::string_view key, Findings& out) {
  for (const auto& [name, value] : headers) {
    if (!http::is_token(name)) out.error(key, fmt::format("\"{}\" is not a header name", name));
    if (!http::is_field_value(value)) {
      out.error(key, fmt::format("the value of {} holds control characters", name));
    }
  }
}

void check_kind(const StripPrefix& kind, Findings& out) {
  if (kind.prefixes.empty()) out.warning("stripPrefix.prefixes", "empty, so the middleware does nothing");
}
void check_kind(const AddPrefix& kind, Findings& out) {
  if (!kind.prefix.starts_with('/')) out.error("addPrefix.prefix", "expected a prefix that starts with /");
}
void check_kind(const ReplacePath& kind, Findings& out) {
  if (!kind.path.starts_with('/')) out.error("replacePath.path", "expected a path that starts with /");
}
void check_kind(const Headers& kind, Findings& out) {
  check_headers(kind.custom_request_headers, "headers.customRequestHeaders", out);
  check_headers(kind.custom_response_headers, "headers.customResponseHeaders", out);
  if (kind == Headers{}) out.warning("headers", "empty, so the middleware does nothing");
}
void check_kind(const RedirectScheme& kind, Findings& out) {
  if (kind.scheme != "http" && kind.scheme != "https") {
    out.error("redirectScheme.scheme", fmt::format("expected http or https, got \"{}\"", kind.scheme));
  }
  if (!kind.port.empty() && !http::is_authority("host:" + kind.port)) {
    out.error("redirectScheme.port", fmt::format("expected a port from 1 to 65535, got \"{}\"", kind.port));
  }
}
void check_kind(const BasicAuth& kind, Findings& out) {
  if (kind.users.empty() && kind.users_file.empty()) {
    out.error("basicAuth", "expected users or usersFile");
  }
  for (const std::string& user : kind.users) {
    const std::size_t colon = user.find(':');
    if (colon == 0 || colon == std::string::npos || colon + 1 == user.size()) {
      out.error("basicAuth.users", "expected name:hash for each user");
    }
  }
  if (!kind.header_field.empty() && !http::is_token(kind.header_field)) {
    out.error("basicAuth.headerField", fmt::format("\"{}\" is not a header name", kind.header_field));
  }
}
void check_kind(const IpAllowList& kind, Findings& out) {
  if (kind.source_range.empty())
    out.error("ipAllowList.sourceRange", "expected at least one address or CIDR range");
  check_ranges(kind.source_range, "ipAllowList.sourceRange", out);
  if (kind.ip_strategy) check_ip_strategy(*kind.ip_strategy, "ipAllowList.ipStrategy", out);
}
void check_kind(const InFlightReq& kind, Findings& out) {
  if (kind.amount < 1) out.error("inFlightReq.amount", "expected a number above 0");
  check_criterion(kind.source_criterion, out);
}
void check_kind(const RateLimit& kind, Findings& out) {
  if (kind.average > 0 && kind.period <= base::Duration::zero()) {
    out.error("rateLimit.period", "expected a time above 0");
  }
  check_criterion(kind.source_criterion, out);
}
void check_kind(const Chain& /*kind*/, Findings& /*out*/) {}

std::string_view key_of(const Service& service) {
  constexpr std::array<std::string_view, std::variant_size_v<decltype(Service::kind)>> kKeys{
      "loadBalancer.", "weighted.", "failover."};
  return kKeys[service.kind.index()];
}

}  // namespace

std::optional<std::string> name_problem(std::string_view name) {
  if (name.empty()) return "expected a name that is not empty";
  if (name.find('@') != std::string_view::npos)
    return "expected a name without @, which stands before a provider";
  return std::nullopt;
}

std::optional<std::string> server_url_problem(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos)
    return fmt::format("expected a URL such as http://10.0.0.1:3000, got \"{}\"", url);
  const std::string scheme = base::to_lower(url.substr(0, colon));
  if (scheme == "https" || scheme == "h2c")
    return fmt::format("{} is not supported yet, expected http", scheme);
  if (scheme != "http") return fmt::format("unknown scheme \"{}\", expected http", scheme);
  const std::string_view rest = url.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos) return "expected no user name in the URL";
  if (authority.empty() || !http::is_authority(authority)) {
    return fmt::format("expected a host with an optional port after http://, got \"{}\"", authority);
  }
  if (rest.find_first_of("?# \t\r\n") != std::string_view::npos)
    return "expected no query, fragment or blank in the URL";
  return std::nullopt;
}

base::Diagnostics check_router(const Router& router, const RuleCheck& check_rule) {
  base::Diagnostics out;
  if (router.service.empty()) out.error(router.place, "service", "expected the name of a service");
  if (router.rule.empty()) {
    out.error(router.place, "rule", "expected a rule such as Host(`example.com`)");
  } else if (check_rule) {
    if (const auto problem = check_rule(router.rule)) {
      base::SourcePlace place = router.rule_place;
      const bool one_line = router.rule.find('\n') == std::string::npos;
      if (place.column != 0 && one_line) place.column += static_cast<std::uint32_t>(problem->offset);
      std::string where =
          place.column == 0 ? fmt::format(" at column {} of the rule", problem->offset + 1) : "";
      out.error(std::move(place), "rule", fmt::format("expected {}{}", problem->expected, where));
    }
  }
  return out;
}

base::Diagnostics check_service(const Service& service) {
  Findings out(service.place, std::string(key_of(service)));
  std::visit([&](const auto& kind) { check_kind(kind, out); }, service.kind);
  return out.take();
}

base::Diagnostics check_middleware(const Middleware& middleware) {
  Findings out(middleware.place, "");
  std::visit([&](const auto& kind) { check_kind(kind, out); }, middleware.kind);
  return out.take();
}

std::vector<ServerProblem> check_servers(const LoadBalancer& settings) {
  std::vector<ServerProblem> out;
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < settings.servers.size(); ++i) {
    const Server& server = settings.servers[i];
    const auto report = [&](std::string message) {
      out.push_back({.index = i,
                     .problem = {.place = server.place,
                                 .key = fmt::format("loadBalancer.servers[{}].url", i),
                                 .message = std::move(message)}});
    };
    if (auto problem = server_url_problem(server.url)) {
      report(std::move(*problem));
    } else if (const auto [first, is_new] = seen.try_emplace(server.url, i); !is_new) {
      report(fmt::format("the same URL as servers[{}]", first->second));
    }
  }
  return out;
}

}  // namespace limpet::config
