#include "apis/docker/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "base/json_text.h"
#include "base/text.h"

namespace limpet::apis::docker {
namespace {

constexpr base::Duration kUsualTimeout = std::chrono::seconds(30);
constexpr std::size_t kMaxAnswer = std::size_t{256} * 1024 * 1024;  // 100,000 containers
constexpr std::size_t kMaxEvent = std::size_t{1024} * 1024;

/// Not the events of the commands that Docker runs in a container for its health check.
constexpr std::string_view kContainerEvents =
    R"("start","die","kill","pause","unpause","rename","destroy","health_status")";

std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (base::to_lower(c) >= 'a' && base::to_lower(c) <= 'z') ||
                       c == '-' || c == '_' || c == '.';
    if (plain) {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

}  // namespace

std::expected<Endpoint, std::string> parse_endpoint(std::string_view text) {
  constexpr std::string_view kForm = "expected unix:///path/of/socket or tcp://host:port";
  Endpoint endpoint;
  endpoint.text = text;
  if (text.starts_with("unix://")) {
    const std::string_view path = text.substr(7);
    if (!path.starts_with('/') || path.size() > net::kMaxUnixPath) {
      return std::unexpected(fmt::format("{}, got \"{}\"", kForm, text));
    }
    endpoint.unix_socket = net::SocketAddress::unix_path(path);
    return endpoint;
  }
  if (text.starts_with("https://")) return std::unexpected(std::string("TLS is not supported yet"));
  const bool has_scheme = text.starts_with("tcp://") || text.starts_with("http://");
  std::string_view rest = has_scheme ? text.substr(text.find("//") + 2) : std::string_view();
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return std::unexpected(fmt::format("{}, got \"{}\"", kForm, text));
  const std::string_view digits = rest.substr(colon + 1);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  endpoint.host = rest.substr(0, colon);
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  if (error != std::errc{} || stop != digits.data() + digits.size() || endpoint.port == 0 ||
      endpoint.host.empty() || endpoint.host.find_first_of("/@ ") != std::string::npos) {
    return std::unexpected(fmt::format("{}, got \"{}\"", kForm, text));
  }
  return endpoint;
}

Client::Client(net::Reactor& reactor, Endpoint endpoint, base::Duration timeout)
    : reactor_(reactor),
      endpoint_(std::move(endpoint)),
      timeout_(timeout.count() > 0 ? timeout : kUsualTimeout) {
  if (!endpoint_.unix_socket && !net::IpAddress::parse(endpoint_.host)) {
    names_.emplace(reactor, [] {});
    names_->use({endpoint_.host});
  }
}

Client::Result<std::vector<net::SocketAddress>> Client::addresses() const {
  if (endpoint_.unix_socket) return std::vector{*endpoint_.unix_socket};
  if (const auto ip = net::IpAddress::parse(endpoint_.host)) {
    return std::vector{net::SocketAddress(*ip, endpoint_.port)};
  }
  const auto found = names_->find(endpoint_.host);
  if (!found) return std::unexpected(CallFailure{.status = 0, .text = found.error()});
  std::vector<net::SocketAddress> all;
  for (const net::IpAddress& ip : *found) all.emplace_back(ip, endpoint_.port);
  return all;
}

net::Task<Client::Result<HttpAnswer>> Client::open(HttpExchange& exchange, HttpRequest request,
                                                   base::Duration longer) {
  auto where = addresses();
  if (!where) co_return std::unexpected(std::move(where.error()));
  request.host = "docker";
  auto answer =
      co_await exchange.open(std::move(*where), std::move(request), base::Clock::now() + timeout_ + longer);
  if (!answer) co_return std::unexpected(CallFailure{.status = 0, .text = answer.error()});
  if (answer->status < 400) co_return std::move(*answer);
  const auto body = co_await exchange.read_all(kMaxEvent);
  co_return std::unexpected(
      CallFailure{.status = answer->status,
                  .text = fmt::format("{} {}", answer->status, parse_message(body.value_or("")))});
}

net::Task<Client::Result<std::string>> Client::call(std::string method, std::string target, std::string body,
                                                    base::Duration longer) {
  HttpExchange exchange(reactor_);
  running_.push_back(&exchange);
  HttpRequest request{.method = std::move(method),
                      .target = std::move(target),
                      .host = {},
                      .fields = {},
                      .body = std::move(body)};
  if (!request.body.empty()) request.fields.emplace_back("Content-Type", "application/json");
  const auto answer = co_await open(exchange, std::move(request), longer);
  Result<std::string> result;
  if (answer) {
    auto text = co_await exchange.read_all(kMaxAnswer);
    if (text) {
      result = std::move(*text);
    } else {
      result = std::unexpected(CallFailure{.status = 0, .text = text.error()});
    }
  } else {
    result = std::unexpected(answer.error());
  }
  std::erase(running_, &exchange);
  co_return result;
}

net::Task<Client::Result<std::vector<Listed>>> Client::list() {
  const auto answer = co_await call("GET", "/containers/json?all=true", "");
  if (!answer) co_return std::unexpected(answer.error());
  auto list = parse_list(*answer);
  if (!list) co_return std::unexpected(CallFailure{.status = 0, .text = list.error()});
  co_return std::move(*list);
}

net::Task<Client::Result<Container>> Client::inspect(std::string container) {
  const auto answer = co_await call("GET", fmt::format("/containers/{}/json", escaped(container)), "");
  if (!answer) co_return std::unexpected(answer.error());
  auto parsed = parse_container(*answer);
  if (!parsed) co_return std::unexpected(CallFailure{.status = 0, .text = parsed.error()});
  co_return std::move(*parsed);
}

net::Task<Client::Result<std::vector<Replica>>> Client::list(ComposeService of) {
  const auto answer = co_await call(
      "GET", fmt::format("/containers/json?all=true&filters={}", escaped("{" + label_filter(of) + "}")), "");
  if (!answer) co_return std::unexpected(answer.error());
  auto list = parse_replicas(*answer, of);
  if (!list) co_return std::unexpected(CallFailure{.status = 0, .text = list.error()});
  co_return std::move(*list);
}

net::Task<Client::Result<std::string>> Client::inspect_text(std::string container) {
  co_return co_await call("GET", fmt::format("/containers/{}/json", escaped(container)), "");
}

net::Task<Client::Result<std::string>> Client::inspect_image(std::string image) {
  co_return co_await call("GET", fmt::format("/images/{}/json", escaped(image)), "");
}

net::Task<Client::Result<std::string>> Client::create(std::string name, std::string body) {
  const auto answer =
      co_await call("POST", fmt::format("/containers/create?name={}", escaped(name)), std::move(body));
  if (!answer) co_return std::unexpected(answer.error());
  std::string id = id_of(*answer);
  if (id.empty()) {
    co_return std::unexpected(CallFailure{.status = 0, .text = "it made a container without Id"});
  }
  co_return id;
}

net::Task<Client::Result<bool>> Client::act(std::string method, std::string target, std::string body,
                                            base::Duration longer) {
  const auto answer = co_await call(std::move(method), std::move(target), std::move(body), longer);
  if (!answer) co_return std::unexpected(answer.error());
  co_return true;
}

net::Task<Client::Result<bool>> Client::connect(std::string container, NewReplica::Connection connection) {
  std::string body = R"({"Container":)";
  base::append_json_string(body, container);
  body += fmt::format(R"(,"EndpointConfig":{}}})", connection.endpoint);
  co_return co_await act("POST", fmt::format("/networks/{}/connect", escaped(connection.network)),
                         std::move(body));
}

net::Task<Client::Result<bool>> Client::start(std::string container) {
  co_return co_await act("POST", fmt::format("/containers/{}/start", escaped(container)), "");
}

net::Task<Client::Result<bool>> Client::stop(std::string container, int seconds) {
  constexpr base::Duration kLongest = std::chrono::hours(24 * 30);
  const base::Duration longer =
      seconds < 0 ? kLongest : std::min<base::Duration>(std::chrono::seconds(seconds), kLongest);
  co_return co_await act("POST", fmt::format("/containers/{}/stop", escaped(container)), "", longer);
}

net::Task<Client::Result<bool>> Client::remove(std::string container, bool force) {
  co_return co_await act("DELETE", fmt::format("/containers/{}?force={}", escaped(container), force), "");
}

net::Task<Client::Result<std::string>> Client::last_output(std::string container) {
  const auto answer = co_await call(
      "GET", fmt::format("/containers/{}/logs?stdout=true&stderr=true&tail=1", escaped(container)), "");
  if (!answer) co_return std::unexpected(answer.error());
  co_return last_line(*answer);
}

void Client::cancel() noexcept {
  for (HttpExchange* exchange : running_) exchange->cancel();
}

EventStream::EventStream(Client& client)
    : client_(client),
      target_(fmt::format("/events?filters={}",
                          escaped(fmt::format(R"({{"type":["container","network"],"event":[{},)"
                                              R"("connect","disconnect"]}})",
                                              kContainerEvents)))),
      exchange_(client.reactor_) {}

EventStream::EventStream(Client& client, const ComposeService& of)
    : client_(client),
      target_(fmt::format("/events?filters={}",
                          escaped(fmt::format(R"({{"type":["container"],"event":[{},"create"],{}}})",
                                              kContainerEvents, label_filter(of))))),
      exchange_(client.reactor_) {}

net::Task<Client::Result<bool>> EventStream::open() {
  HttpRequest request{.method = "GET", .target = target_, .host = {}, .fields = {}, .body = {}};
  const auto answer = co_await client_.open(exchange_, std::move(request));
  if (!answer) co_return std::unexpected(answer.error());
  exchange_.clear_deadline();
  co_return true;
}

net::Task<Client::Result<Event>> EventStream::next() {
  while (true) {
    const std::size_t end = pending_.find('\n');
    if (end != std::string::npos) {
      const std::string line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (base::trim(line).empty()) continue;
      auto event = parse_event(line);
      if (!event) co_return std::unexpected(CallFailure{.status = 0, .text = event.error()});
      if (event->container.empty()) continue;
      co_return std::move(*event);
    }
    const auto piece = co_await exchange_.read();
    if (!piece) co_return std::unexpected(CallFailure{.status = 0, .text = piece.error()});
    if (piece->empty()) {
      co_return std::unexpected(CallFailure{.status = 0, .text = "it ended the stream of events"});
    }
    pending_ += *piece;
    if (pending_.size() > kMaxEvent && pending_.find('\n') == std::string::npos) {
      co_return std::unexpected(CallFailure{.status = 0, .text = "an event is too long"});
    }
  }
}

}  // namespace limpet::apis::docker
