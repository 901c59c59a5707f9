#include "health/http_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "http/syntax.h"
#include "http/url.h"

namespace limpet::health {
namespace {

constexpr int kMaxRedirects = 10;

/// Visible characters but '#' (RFC 9112, section 3.2.1).
bool is_target(std::string_view text) noexcept {
  return text.starts_with('/') &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '#'; });
}

/// `reference` (a path, perhaps relative, with or without a query) as seen from the path `base`.
std::string resolve_path(std::string_view base, std::string_view reference) {
  base = base.substr(0, base.find('?'));
  if (reference.starts_with('/')) return std::string(reference);
  if (reference.empty()) return std::string(base);
  if (reference.starts_with('?')) return fmt::format("{}{}", base, reference);
  return fmt::format("{}{}", base.substr(0, base.rfind('/') + 1), reference);
}

/// The target on the same server that a Location leads to, or nothing if it leads elsewhere.
std::optional<std::string> target_of_location(std::string_view location, std::string_view host,
                                              std::string_view current_target) {
  location = location.substr(0, location.find('#'));
  constexpr std::string_view kScheme = "http:";
  if (base::iequals(location.substr(0, kScheme.size()), kScheme)) location.remove_prefix(kScheme.size());
  if (location.starts_with("//")) {
    location.remove_prefix(2);
    const std::string_view authority = location.substr(0, location.find_first_of("/?"));
    if (!base::iequals(authority, host)) return std::nullopt;
    location.remove_prefix(authority.size());
    if (!location.starts_with('/')) return resolve_path("/", location);
  } else if (const std::size_t colon = location.find(':'); colon < location.find_first_of("/?")) {
    return std::nullopt;
  }
  return resolve_path(current_target, location);
}

bool is_redirect(std::uint16_t status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view host_of(const config::HealthCheck& settings, std::string_view authority) {
  if (!settings.hostname.empty()) return settings.hostname;
  const auto header = std::ranges::find_if(
      settings.headers, [](const auto& entry) { return base::iequals(entry.first, "Host"); });
  return header == settings.headers.end() ? authority : header->second;
}

}  // namespace

std::expected<CheckRequest, std::string> make_check_request(std::string_view url,
                                                            const std::vector<net::SocketAddress>& addresses,
                                                            const config::HealthCheck& settings) {
  const auto parsed = http::parse_server_url(url);
  if (!parsed) return std::unexpected(fmt::format("expected {}", parsed.error().expected));
  const std::string scheme = settings.scheme.empty() ? std::string(http::scheme_text(parsed->scheme))
                                                     : base::to_lower(settings.scheme);
  if (scheme != "http") return std::unexpected(fmt::format("checks by {} are not supported", scheme));

  CheckRequest request{.addresses = addresses,
                       .method = settings.method.empty() ? "GET" : settings.method,
                       .host = std::string(host_of(settings, parsed->authority)),
                       .target = resolve_path(parsed->path, settings.path),
                       .headers = settings.headers,
                       .status = settings.status,
                       .follow_redirects = settings.follow_redirects,
                       .timeout = settings.timeout};
  std::erase_if(request.headers, [](const auto& entry) { return base::iequals(entry.first, "Host"); });
  if (settings.port != 0) {
    for (net::SocketAddress& address : request.addresses) {
      if (!address.is_unix()) address = net::SocketAddress(address.ip(), settings.port);
    }
  }
  if (!http::is_token(request.method)) {
    return std::unexpected(fmt::format("\"{}\" is not a method", request.method));
  }
  if (!is_target(request.target)) {
    return std::unexpected(fmt::format("\"{}\" is not a path", request.target));
  }
  if (!http::is_authority(request.host)) {
    return std::unexpected(fmt::format("\"{}\" is not a host name", request.host));
  }
  for (const auto& [name, value] : request.headers) {
    if (!http::is_token(name) || !http::is_field_value(value)) {
      return std::unexpected(fmt::format("\"{}: {}\" is not a header", name, value));
    }
  }
  return request;
}

HttpCheck::HttpCheck(net::Reactor& reactor, CheckRequest request)
    : reactor_(reactor), request_(std::move(request)) {}

net::Task<CheckResult> HttpCheck::run() {
  deadline_ = base::Clock::now() + request_.timeout;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    const AskResult answer = co_await ask();
    if (!answer) co_return std::unexpected(answer.error());
    if (!follow(*answer)) co_return judge(*answer);
  }
  co_return std::unexpected(fmt::format("more than {} redirects", kMaxRedirects));
}

void HttpCheck::cancel() noexcept {
  cancelled_ = true;
  if (exchange_ != nullptr) exchange_->cancel();
}

net::Task<HttpCheck::AskResult> HttpCheck::ask() {
  if (cancelled_) co_return std::unexpected(std::string("cancelled"));
  apis::HttpExchange exchange(reactor_);
  exchange_ = &exchange;
  AskResult answer = co_await exchange.open(request_.addresses, http_request(), deadline_);
  exchange_ = nullptr;
  co_return answer;
}

CheckResult HttpCheck::judge(const apis::HttpAnswer& answer) const {
  if (request_.status != 0) {
    if (answer.status == request_.status) return {};
    return std::unexpected(fmt::format("it answered {}, expected {}", answer.status, request_.status));
  }
  if (answer.status >= 200 && answer.status < 400) return {};
  return std::unexpected(fmt::format("it answered {}", answer.status));
}

bool HttpCheck::follow(const apis::HttpAnswer& answer) {
  if (!request_.follow_redirects || !is_redirect(answer.status) || answer.location.empty()) return false;
  std::optional<std::string> target = target_of_location(answer.location, request_.host, request_.target);
  if (!target || !is_target(*target)) return false;
  request_.target = std::move(*target);
  // As browsers and Go's client do: only 307 and 308 keep a method other than GET and HEAD.
  if (answer.status <= 303 && request_.method != "HEAD") request_.method = "GET";
  return true;
}

apis::HttpRequest HttpCheck::http_request() const {
  apis::HttpRequest request{
      .method = request_.method, .target = request_.target, .host = request_.host, .fields = {}, .body = {}};
  request.fields.assign(request_.headers.begin(), request_.headers.end());
  if (std::ranges::none_of(request.fields,
                           [](const auto& field) { return base::iequals(field.first, "User-Agent"); })) {
    request.fields.emplace_back("User-Agent", "limpet-health-check/" LIMPET_VERSION);
  }
  return request;
}

}  // namespace limpet::health
