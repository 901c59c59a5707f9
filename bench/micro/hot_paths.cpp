/// The paths that every message or request takes, for counting their instructions under callgrind:
/// `scripts/bench --instructions` runs this and compares. Each path runs a fixed number of times between two
/// marks, so the counts are the same in every run of the same binary; without valgrind it only checks that
/// the paths do what they should.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <valgrind/callgrind.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balancing/service.h"
#include "base/hash.h"
#include "http/head.h"
#include "http/url.h"
#include "net/reactor.h"
#include "net/socket.h"
#include "relay/engine.h"
#include "routing/router_table.h"
#include "routing/rule.h"
#include "routing/snapshot.h"

namespace limpet {
namespace {

constexpr int kWarmUp = 50;
constexpr int kTimes = 1000;

void expect(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "hot_paths: {} does not hold\n", what);
  std::exit(1);
}

/// Runs an operation and has callgrind write down what `kTimes` of them cost, as a profile named `path`.
template <typename Operation>
void count(const char* path, const Operation& operation) {
  for (int i = 0; i < kWarmUp; ++i) operation();
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  for (int i = 0; i < kTimes; ++i) operation();
  CALLGRIND_DUMP_STATS_AT(path);
  CALLGRIND_STOP_INSTRUMENTATION;
  fmt::print("{} {}\n", path, kTimes);
}

struct NoOwner final : relay::TunnelOwner {
  void closed(const relay::TunnelSummary& /*summary*/) noexcept override {}
};

struct Pair {
  net::Fd ours;
  net::Fd peers;
};

Pair connected_pair() {
  std::array<int, 2> fds{};
  expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0, "socketpair");
  return {net::Fd(fds[0]), net::Fd(fds[1])};
}

/// One masked message of 64 bytes from the client's socket to the server's, by the epoll engine.
void relay_message() {
  net::Reactor reactor;
  const std::unique_ptr<relay::Engine> engine = relay::make_epoll_engine(reactor);
  Pair client = connected_pair();
  Pair server = connected_pair();
  telemetry::TrafficCounters traffic;
  net::Socket from_client(reactor, std::move(client.ours), base::Side::kClient);
  net::Socket from_server(reactor, std::move(server.ours), base::Side::kServer);
  relay::Tunnel tunnel;
  tunnel.client = from_client.release();
  tunnel.server = from_server.release();
  tunnel.owner = std::make_unique<NoOwner>();
  tunnel.traffic = &traffic;
  engine->adopt(std::move(tunnel));
  for (int i = 0; i < 5; ++i) reactor.run_once(base::Duration(0));

  std::string message = "\x82\xc0mask";
  message.resize(message.size() + 64, 'x');
  std::array<char, 256> arrived{};
  count("relay-message", [&] {
    expect(::send(client.peers.get(), message.data(), message.size(), 0) == std::ssize(message), "sending");
    reactor.run_once(base::Duration(0));
    expect(::recv(server.peers.get(), arrived.data(), arrived.size(), 0) == std::ssize(message), "relaying");
  });
}

constexpr std::string_view kRequest =
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
    "Host: site-617.example:8080\r\n"
    "Connection: Upgrade\r\n"
    "Pragma: no-cache\r\n"
    "Cache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 "
    "Safari\r\n"
    "Upgrade: websocket\r\n"
    "Origin: https://site-617.example\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: theme=dark; ws-session=COOKIE; consent=1\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// A browser's upgrade request, read and routed among 1,000 hosts.
void parse_and_route() {
  std::vector<std::unique_ptr<routing::Route>> routes;
  std::vector<routing::RouterTable::Entry> entries;
  for (int i = 0; i < 1000; ++i) {
    const std::string rule = fmt::format("Host(`site-{}.example`) && PathPrefix(`/`)", i);
    routing::Rule parsed = routing::Rule::parse(rule).value();
    const auto priority = parsed.default_priority();
    routes.push_back(std::make_unique<routing::Route>(
        routing::Route{.router = rule, .rule = std::move(parsed), .priority = priority}));
    entries.push_back({&routes.back()->rule, routes.back().get(), priority});
  }
  const routing::RouterTable table(std::move(entries));

  http::RequestHead head;
  const std::string host = "site-617.example";
  std::string scratch;
  const http::HeadLimits limits;
  count("parse-request", [&] {
    const auto length = http::parse_request_head(kRequest, limits, head);
    expect(length == kRequest.size() && head.websocket, "parsing");
    const auto path = http::canonical_path(head.path, true, scratch);
    expect(path.has_value() && *path == "/socket.io/", "the path");
  });
  count("route-request", [&] {
    const routing::Route* const route =
        table.find({.head = &head, .host = host, .path = head.path, .client = {}});
    expect(route == routes[617].get(), "routing");
  });
}

/// A request whose cookie names one of 1,000 servers, up to the seat there and back.
void sticky_lookup() {
  config::LoadBalancer settings;
  settings.sticky = config::Sticky{.cookie = config::StickyCookie{.name = "ws-session"}};
  std::vector<balancing::Server> servers;
  for (int i = 0; i < 1000; ++i) {
    const std::string url = fmt::format("http://10.0.{}.{}:3000", i / 250, i % 250 + 1);
    balancing::Server& server = servers.emplace_back();
    server.state = std::make_shared<balancing::ServerState>("app@file", url, 1);
    server.url = url;
    server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x0a000001), 3000)};
  }
  const balancing::Service service("app@file", settings, std::move(servers));
  std::string request(kRequest);
  const std::string_view placeholder = "COOKIE";
  request.replace(request.find(placeholder), placeholder.size(), service.servers()[617].cookie_value);
  http::RequestHead head;
  expect(http::parse_request_head(request, {}, head) == request.size(), "parsing");
  count("sticky-lookup", [&] {
    const auto chosen = service.choose({.head = &head, .client = {}, .seat = balancing::SeatKind::kTunnel});
    expect(chosen.has_value() && chosen->index == 617 && !chosen->write_cookie, "the bound server");
  });
}

}  // namespace
}  // namespace limpet

int main() {
  limpet::relay_message();
  limpet::parse_and_route();
  limpet::sticky_lookup();
  return 0;
}
