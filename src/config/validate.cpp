#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <variant>

#include "config/validate_scaling.h"
#include "http/syntax.h"
#include "http/url.h"

namespace limpet::config {
namespace {

// Users wait for it.
constexpr base::Duration kMaxWebhookTimeout = std::chrono::seconds(10);

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
  bool repeats = false;
  for (const StickySource& source : sticky.sources) {
    if (source.kind == StickySourceKind::kHeader && !http::is_token(source.name)) {
      out.error("sticky.sources", fmt::format("\"{}\" is not a header name", source.name));
    }
    repeats = repeats || std::ranges::count(sticky.sources, source) > 1;
  }
  if (repeats) out.error("sticky.sources", "the same source is given twice");
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

void check_placement_webhook(const Placement& placement, Findings& out) {
  const bool asks = placement.policy == PlacementPolicy::kWebhook;
  if (asks && !placement.webhook) out.error("placement.webhook", "expected it, since policy is webhook");
  if (!placement.webhook) return;
  const PlacementWebhook& webhook = *placement.webhook;
  if (!asks) out.warning("placement.webhook", "has no use unless policy is webhook");
  const auto url = http::parse_server_url(webhook.url);
  if (!url || url->scheme != http::Scheme::kHttp) {
    out.error(
        "placement.webhook.url",
        fmt::format("expected an address such as http://127.0.0.1:9000/place, got \"{}\"", webhook.url));
  }
  for (const auto& [name, value] : webhook.headers) {
    if (!http::is_token(name) || !http::is_field_value(value)) {
      out.error("placement.webhook.headers", fmt::format("\"{}\" is not a header", name));
    }
  }
  if (webhook.timeout <= base::Duration::zero() || webhook.timeout > kMaxWebhookTimeout) {
    out.error("placement.webhook.timeout", "expected a time above 0 and at most 10s");
  }
}

void check_placement(const LoadBalancer& settings, Findings& out) {
  check_placement_webhook(settings.placement, out);
  if (settings.placement.ttl <= base::Duration::zero()) out.error("placement.ttl", "expected a time above 0");
  if (const auto problem = ticket_keys_problem(settings.tickets.keys)) out.error("tickets.keys", *problem);
  if (!http::is_token(settings.tickets.header)) {
    out.error("tickets.header", fmt::format("\"{}\" is not a header name", settings.tickets.header));
  }
  if (settings.tickets.query.empty()) out.error("tickets.query", "expected the name of a query parameter");
  for (const std::string& origin : settings.join.origins) {
    if (origin != "*" && !origin.starts_with("http://") && !origin.starts_with("https://")) {
      out.error("join.origins",
                fmt::format("expected an origin such as https://play.example, got \"{}\"", origin));
    }
  }
}

void check_kind(const LoadBalancer& settings, Findings& out) {
  check_placement(settings, out);
  if (settings.sticky) check_sticky(*settings.sticky, out);
  if (settings.health_check) check_health(*settings.health_check, out);
  if (settings.passive_health_check &&
      settings.passive_health_check->failure_window <= base::Duration::zero()) {
    out.error("passiveHealthCheck.failureWindow", "expected a time above 0");
  }
  for (ScalingProblem& problem : scaling_problems(settings)) {
    out.error(problem.key, std::move(problem.message));
  }
}

void check_kind(const Weighted& settings, Findings& out) {
  if (!settings.sticky) return;
  check_sticky(*settings.sticky, out);
  if (!settings.sticky->sources.empty()) out.warning("sticky.sources", "has no effect on a weighted service");
}

void check_kind(const Failover& /*settings*/, Findings& /*out*/) {}

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

std::optional<std::string> ticket_keys_problem(const std::vector<std::string>& keys) {
  constexpr std::size_t kMaxId = 16;
  constexpr std::size_t kMinSecret = 16;
  for (const std::string& key : keys) {
    const std::string_view id = std::string_view(key).substr(0, key.find(':'));
    const bool named =
        !id.empty() && id.size() <= kMaxId && id.size() < key.size() &&
        std::ranges::all_of(id, [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
    if (!named) return "expected ID:SECRET, with an ID of 1 to 16 letters, digits, - and _";
    if (key.size() - id.size() - 1 < kMinSecret) {
      return fmt::format("expected a secret of at least {} characters behind {}:", kMinSecret, id);
    }
    const auto same_id = [&](const std::string& other) { return other.starts_with(std::string(id) + ":"); };
    if (std::ranges::count_if(keys, same_id) > 1) return fmt::format("the ID {} is given twice", id);
  }
  return std::nullopt;
}

base::Diagnostics check_service(const Service& service) {
  Findings out(service.place, std::string(key_of(service)));
  std::visit([&](const auto& kind) { check_kind(kind, out); }, service.kind);
  return out.take();
}

}  // namespace limpet::config
