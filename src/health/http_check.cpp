#include "health/http_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "http/head_writer.h"
#include "http/syntax.h"
#include "http/url.h"

namespace limpet::health {
namespace {

constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxHead = 16 * 1024;

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
  if (socket_ != nullptr) socket_->cancel();
}

net::Task<HttpCheck::AskResult> HttpCheck::ask() {
  AskResult result = std::unexpected(std::string("its host name has no address"));
  for (const net::SocketAddress& address : request_.addresses) {
    if (cancelled_) co_return std::unexpected(std::string("cancelled"));
    auto fd = net::Socket::start_connect(address);
    if (!fd) {
      result = std::unexpected(fd.error().text());
      continue;
    }
    net::Socket socket(reactor_, std::move(*fd), base::Side::kServer);
    if (!socket.valid()) co_return std::unexpected(std::string("no room for another connection"));
    socket.set_deadline(std::max(deadline_ - base::Clock::now(), base::Duration(1)));
    socket_ = &socket;
    result = co_await ask_through(socket);
    socket_ = nullptr;
    if (result || socket.bytes_written() > 0) break;
  }
  co_return result;
}

net::Task<HttpCheck::AskResult> HttpCheck::ask_through(net::Socket& socket) {
  const std::string text = request_text();
  const auto written = co_await socket.write(text);
  if (!written) co_return std::unexpected(written.error().text());

  std::vector<char> buffer(kMaxHead);
  std::size_t filled = 0;
  http::ResponseHead head;
  const http::Method method = request_.method == "HEAD" ? http::Method::kHead : http::Method::kGet;
  while (true) {
    const std::string_view received(buffer.data(), filled);
    const auto length = http::parse_response_head(received, {.max_bytes = kMaxHead}, method, head);
    if (!length) co_return std::unexpected(fmt::format("its answer is not HTTP: {}", length.error().reason));
    if (*length != 0 && (head.status >= 200 || head.status == 101)) break;
    if (*length != 0) {
      // An interim answer; the final one follows.
      std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(*length),
                buffer.begin() + static_cast<std::ptrdiff_t>(filled), buffer.begin());
      filled -= *length;
      continue;
    }
    if (filled == buffer.size()) co_return std::unexpected(std::string("the head of its answer is too long"));
    const auto count = co_await socket.read(std::span(buffer).subspan(filled));
    if (!count) co_return std::unexpected(count.error().text());
    if (*count == 0) co_return std::unexpected(std::string("it closed the connection without an answer"));
    filled += *count;
  }
  co_return Answer{.status = head.status,
                   .location = std::string(head.find(http::FieldId::kLocation).value_or(""))};
}

CheckResult HttpCheck::judge(const Answer& answer) const {
  if (request_.status != 0) {
    if (answer.status == request_.status) return {};
    return std::unexpected(fmt::format("it answered {}, expected {}", answer.status, request_.status));
  }
  if (answer.status >= 200 && answer.status < 400) return {};
  return std::unexpected(fmt::format("it answered {}", answer.status));
}

bool HttpCheck::follow(const Answer& answer) {
  if (!request_.follow_redirects || !is_redirect(answer.status) || answer.location.empty()) return false;
  std::optional<std::string> target = target_of_location(answer.location, request_.host, request_.target);
  if (!target || !is_target(*target)) return false;
  request_.target = std::move(*target);
  // As browsers and Go's client do: only 307 and 308 keep a method other than GET and HEAD.
  if (answer.status <= 303 && request_.method != "HEAD") request_.method = "GET";
  return true;
}

std::string HttpCheck::request_text() const {
  std::string text;
  http::HeadWriter writer(text);
  writer.request_line(request_.method, request_.target);
  writer.field("Host", request_.host);
  bool has_user_agent = false;
  for (const auto& [name, value] : request_.headers) {
    writer.field(name, value);
    has_user_agent = has_user_agent || base::iequals(name, "User-Agent");
  }
  if (!has_user_agent) writer.field("User-Agent", "limpet-health-check/" LIMPET_VERSION);
  writer.field("Connection", "close");
  writer.end();
  return text;
}

}  // namespace limpet::health
