#include "proxy/middlewares/redirect_scheme.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "http/syntax.h"
#include "proxy/middlewares/plain_answer.h"

namespace limpet::proxy {
namespace {

std::string_view scheme_of(const RequestContext& context) {
  const std::string_view proto = context.forwarded_proto;
  if (base::iequals(proto, "https") || base::iequals(proto, "wss")) return "https";
  if (base::iequals(proto, "http") || base::iequals(proto, "ws")) return "http";
  return context.tls ? "https" : "http";
}

/// The scheme whose connections look the same from here.
std::string_view transport_of(std::string_view scheme) {
  if (scheme == "ws") return "http";
  return scheme == "wss" ? "https" : scheme;
}

bool is_default_port(std::string_view scheme, std::string_view port) {
  return port == (transport_of(scheme) == "https" ? "443" : "80");
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  return error == std::errc{} && rest == end && port > 0;
}

std::string url_of(std::string_view scheme, std::string_view host, std::string_view port,
                   std::string_view target) {
  return fmt::format("{}://{}{}{}{}", scheme, host, port.empty() ? "" : ":", port, target);
}

}  // namespace

std::expected<std::shared_ptr<Middleware>, std::string> RedirectScheme::make(
    const config::RedirectScheme& settings) {
  std::string scheme = base::to_lower(settings.scheme);
  if (scheme != "http" && scheme != "https" && scheme != "ws" && scheme != "wss") {
    return std::unexpected(
        fmt::format("redirectScheme.scheme is \"{}\", expected http, https, ws or wss", settings.scheme));
  }
  if (!settings.port.empty() && !is_port(settings.port)) {
    return std::unexpected(
        fmt::format("redirectScheme.port is \"{}\", expected a number from 1 to 65535", settings.port));
  }
  std::string port = is_default_port(scheme, settings.port) ? std::string() : settings.port;
  return std::make_shared<RedirectScheme>(std::move(scheme), std::move(port), settings.permanent);
}

Verdict RedirectScheme::on_request(RequestContext& context) {
  const std::string_view host = http::host_without_port(context.head->host);
  if (host.empty()) return plain_answer(400);
  const std::string_view came_scheme = scheme_of(context);
  std::string_view came_port = http::port_of(context.head->host);
  if (is_default_port(came_scheme, came_port)) came_port = {};
  if (came_scheme == transport_of(scheme_) && came_port == port_) return Continue{};

  std::string target(context.path.starts_with('/') ? context.path : "/");
  if (!context.head->query.empty()) target.append("?").append(context.head->query);
  const bool get = context.head->method == http::Method::kGet;
  Answer answer = plain_answer(permanent_ ? (get ? 301 : 308) : (get ? 302 : 307));
  answer.fields.emplace_back("Location", url_of(scheme_, host, port_, target));
  return answer;
}

}  // namespace limpet::proxy
