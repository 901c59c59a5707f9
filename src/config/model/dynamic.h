#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/diagnostics.h"
#include "config/model/placement.h"

/// Dynamic configuration: what people asked for, as values. Key names, defaults and meaning are Traefik's;
/// keys that Traefik does not have are marked "Limpet's own". Nothing here does anything.
namespace limpet::config {

/// A name qualified by the provider that defined it: "webapp@docker".
struct QualifiedName {
  std::string name;
  std::string provider;

  [[nodiscard]] std::string text() const { return name + "@" + provider; }
  auto operator<=>(const QualifiedName&) const = default;
};

/// `http.routers.<name>`.
struct Router {
  std::vector<std::string> entry_points;  ///< empty: all default entry points
  std::string rule;
  std::string service;                   ///< may be qualified: "api@internal"
  std::vector<std::string> middlewares;  ///< may be qualified
  std::int64_t priority = 0;             ///< 0: the length of the rule
  base::SourcePlace place;               ///< of the router
  base::SourcePlace rule_place;          ///< of the rule's first character
  bool operator==(const Router&) const = default;
};

/// `loadBalancer.servers[]`.
struct Server {
  std::string url;  ///< exactly as written or built by the provider: the identity
  std::uint32_t weight = 1;
  bool preserve_path = false;
  bool fenced = false;                    ///< draining by discovery: bound users only
  std::optional<std::uint32_t> capacity;  ///< Limpet's own: overrides the service's
  bool driven = false;                    ///< started by the service's driver; no key
  base::SourcePlace place;
  bool operator==(const Server&) const = default;
};

/// Limpet's own `sticky.cookie.format`: the value written. All are accepted on reading, whatever is written.
enum class CookieFormat : std::uint8_t {
  kFnv1a,          ///< 16 hex digits of FNV-1a-64 of the URL; the default
  kFnv1aStripped,  ///< the same without leading zeros (Traefik 2.5 to 2.11)
  kTraefik3,       ///< FNV-1-64 of the fnv1a text (Traefik 3.0 to 3.3.3)
  kSha256,         ///< first 16 hex digits of SHA-256 (Traefik 3.3.4 and later)
  kFnv1,           ///< FNV-1-64, stripped
  kRaw,            ///< the URL itself (Traefik 1.x to 2.4)
  kHmac,  ///< HMAC-SHA-256 with the service's secret, 32 hex digits: users cannot choose; only this is
          ///< accepted
};

enum class SameSite : std::uint8_t { kUnset, kNone, kLax, kStrict };

/// `sticky.cookie`.
struct StickyCookie {
  std::string name;  ///< empty: derived from the service's qualified name, as Traefik does
  std::string path = "/";
  std::string domain;
  bool secure = false;
  bool http_only = false;
  SameSite same_site = SameSite::kUnset;
  std::int64_t max_age = 0;                    ///< seconds; 0: a session cookie, negative: expires at once
  bool partitioned = false;                    ///< Limpet's own (CHIPS)
  CookieFormat format = CookieFormat::kFnv1a;  ///< Limpet's own
  std::string secret;                          ///< Limpet's own, for format hmac
  bool operator==(const StickyCookie&) const = default;
};

/// What names the server a user is bound to.
enum class StickySourceKind : std::uint8_t {
  kCookie,
  kQuery,   ///< a query parameter holds a cookie value
  kHeader,  ///< a request header holds a cookie value
  kPath,    ///< the path segment after a prefix holds a cookie value
  kSid,     ///< the Engine.IO session id, learned from the handshake's answer
};

/// Limpet's own `sticky.sources[]`, tried in the order written. Default: the cookie, then sid.
struct StickySource {
  StickySourceKind kind = StickySourceKind::kCookie;
  std::string
      name;  ///< of the query parameter or header; for kPath the prefix before the segment, e.g. "/s/"
  bool operator==(const StickySource&) const = default;
};

/// Limpet's own: what happens when the server that a sticky source names can't take the user.
enum class LostPolicy : std::uint8_t {
  kMove,    ///< choose again and rewrite the cookie; the default
  kWait,    ///< queue until it is back, up to `wait_timeout`, then 503
  kReject,  ///< 503 with a reason header
};

/// `sticky`.
struct Sticky {
  std::optional<StickyCookie> cookie;
  std::vector<StickySource> sources;          ///< Limpet's own; empty: cookie (if set), then sid
  LostPolicy on_down = LostPolicy::kMove;     ///< Limpet's own
  LostPolicy on_full = LostPolicy::kMove;     ///< Limpet's own
  LostPolicy on_unknown = LostPolicy::kMove;  ///< Limpet's own: kWait is not allowed here
  LostPolicy on_draining =
      LostPolicy::kMove;  ///< Limpet's own; kMove here means: let bound users stay until it stops
  base::Duration wait_timeout = std::chrono::seconds(15);  ///< Limpet's own
  bool operator==(const Sticky&) const = default;
};

enum class Strategy : std::uint8_t {
  kWrr,
  kLeastConn,
  kP2c,
  kHrw,
  kPack,    ///< Limpet's own: the fullest server below its soft limit, so that others can empty
  kSpread,  ///< Limpet's own: the emptiest server
};

/// Limpet's own `capacityCounts`: what takes a seat.
enum class CapacityCounts : std::uint8_t {
  kConnections,  ///< requests under way and tunnels
  kTunnels,      ///< tunnels, and the requests that ask for one
  kRequests,     ///< requests under way; a tunnel gives its seat back when it begins
  kSessions,     ///< Engine.IO sessions, however they are carried, and tunnels of other kinds
};

/// `loadBalancer.healthCheck`.
struct HealthCheck {
  std::string scheme;         ///< empty: the server's
  std::string mode = "http";  ///< "grpc" is refused
  std::string method = "GET";
  std::string path;
  std::uint32_t status = 0;  ///< 0: 200 to 399
  std::uint16_t port = 0;    ///< 0: the server's
  base::Duration interval = std::chrono::seconds(30);
  std::optional<base::Duration> unhealthy_interval;
  base::Duration timeout = std::chrono::seconds(5);
  std::string hostname;
  bool follow_redirects = true;
  std::map<std::string, std::string> headers;
  bool operator==(const HealthCheck&) const = default;
};

/// `loadBalancer.passiveHealthCheck`.
struct PassiveHealthCheck {
  base::Duration failure_window = std::chrono::seconds(10);
  std::uint32_t max_failed_attempts = 1;
  bool operator==(const PassiveHealthCheck&) const = default;
};

/// Limpet's own `scaling.placement`: where new users go.
enum class ScalingPlacement : std::uint8_t {
  kPack,    ///< the fullest server below its soft limit, so that servers can empty
  kSpread,  ///< the emptiest server
};

/// Limpet's own `scaling.process`: servers are processes that Limpet starts. In `command`, `env` and `url`
/// stands `{port}` for the server's port.
struct ProcessDriver {
  std::string command;  ///< split at blanks as a shell does, quotes and backslashes too; no shell runs it
  std::string workdir;  ///< empty: Limpet's own
  std::map<std::string, std::string> env;  ///< besides Limpet's own environment
  std::string ports = "20000-20999";       ///< first and last port given out
  std::string url = "http://127.0.0.1:{port}";
  std::string ready_path;  ///< asked until it answers with 2xx or 3xx; empty: a TCP connection is enough
  base::Duration ready_timeout = std::chrono::seconds(30);
  std::string stop_signal = "TERM";
  base::Duration stop_timeout = std::chrono::seconds(10);  ///< after it the processes are killed
  bool operator==(const ProcessDriver&) const = default;
};

/// Limpet's own `scaling.webhook`: somebody else starts and stops servers, and is told what is wanted.
struct WebhookDriver {
  std::string url;
  std::map<std::string, std::string> headers;
  base::Duration timeout = std::chrono::seconds(5);          ///< of one request
  base::Duration start_timeout = std::chrono::seconds(120);  ///< until a server asked for must be there
  bool operator==(const WebhookDriver&) const = default;
};

/// Limpet's own `scaling.docker`: servers are containers of a Docker Compose service.
struct DockerDriver {
  std::string project;
  std::string service;
  std::uint16_t port = 0;  ///< of a server; 0 only if a provider says where the servers are
  std::string network;     ///< whose addresses are used; empty: the first by name
  std::string image;       ///< servers move to it; empty: it stays what it is
  std::string ready_path;  ///< asked until it answers with 2xx or 3xx; empty: a TCP connection is enough
  base::Duration start_timeout = std::chrono::seconds(60);  ///< until a server must take users
  bool discovered = false;  ///< the provider of the service finds the servers; no key
  bool operator==(const DockerDriver&) const = default;
};

/// Limpet's own `loadBalancer.scaling`: the number of servers follows the number of users. See
/// docs/scaling.md.
struct Scaling {
  static constexpr std::uint32_t kUsualCapacity = 100;  ///< of a server, where nothing is said
  std::uint32_t min = 1;
  std::uint32_t max = 10;
  std::optional<std::uint32_t> capacity;  ///< users of a server planned with; none: the service's capacity
  double target = 0.8;
  std::optional<std::uint32_t> headroom;  ///< free seats kept; none: half a server's
  double soft = 0.9;                      ///< share of a server's seats up to which it is packed
  ScalingPlacement placement = ScalingPlacement::kPack;
  std::optional<base::Duration> drain;  ///< the drain deadline; none: a server waits for its last user
  base::Duration close_window = std::chrono::seconds(120);
  base::Duration interval = std::chrono::seconds(5);
  base::Duration stabilisation = std::chrono::seconds(300);
  std::optional<ProcessDriver> process;
  std::optional<WebhookDriver> webhook;
  std::optional<DockerDriver> docker;
  bool operator==(const Scaling&) const = default;
};

/// `loadBalancer`: a named set of servers.
struct LoadBalancer {
  std::vector<Server> servers;
  std::optional<Sticky> sticky;
  std::optional<HealthCheck> health_check;
  std::optional<PassiveHealthCheck> passive_health_check;
  Strategy strategy = Strategy::kWrr;
  bool pass_host_header = true;
  base::Duration flush_interval =
      std::chrono::milliseconds(100);  ///< accepted; bodies are always sent on at once
  /// Limpet's own: most connections of each server, 0: no limit. Not 0 where `scaling` is on.
  std::uint32_t capacity = 0;
  CapacityCounts capacity_counts = CapacityCounts::kConnections;  ///< Limpet's own
  /// Limpet's own: how long a new user waits for a seat, 0: not at all; none: 15 s where `scaling` is on,
  /// else not at all.
  std::optional<base::Duration> queue_timeout;
  std::uint32_t queue_limit = 1000;                          ///< Limpet's own: most users who wait at a time
  base::Duration connect_timeout = std::chrono::seconds(5);  ///< Limpet's own
  base::Duration response_timeout{};     ///< Limpet's own: to the first byte of the answer, 0: no limit
  base::Duration tunnel_idle_timeout{};  ///< Limpet's own: 0: never
  std::optional<Scaling> scaling;        ///< Limpet's own
  Placement placement;
  Tickets tickets;
  Join join;
  Replay replay;
  bool operator==(const LoadBalancer&) const = default;
};

/// `weighted.services[]`.
struct WeightedChild {
  std::string name;
  std::uint32_t weight = 1;
  bool operator==(const WeightedChild&) const = default;
};

/// `weighted`: traffic split between services, optionally sticky to one of them.
struct Weighted {
  std::vector<WeightedChild> services;
  std::optional<Sticky> sticky;
  bool operator==(const Weighted&) const = default;
};

/// `failover`: `service` while any of its servers is up, else `fallback`.
struct Failover {
  std::string service;
  std::string fallback;
  bool operator==(const Failover&) const = default;
};

/// `http.services.<name>`.
struct Service {
  std::variant<LoadBalancer, Weighted, Failover> kind;
  base::SourcePlace place;
  bool operator==(const Service&) const = default;
};

// Middlewares, each `http.middlewares.<name>.<kind>`.

struct StripPrefix {
  std::vector<std::string> prefixes;
  bool operator==(const StripPrefix&) const = default;
};
struct AddPrefix {
  std::string prefix;
  bool operator==(const AddPrefix&) const = default;
};
struct ReplacePath {
  std::string path;
  bool operator==(const ReplacePath&) const = default;
};
/// Headers to set (an empty value removes), and Traefik's access-control headers.
struct Headers {
  std::map<std::string, std::string> custom_request_headers;
  std::map<std::string, std::string> custom_response_headers;
  std::vector<std::string> access_control_allow_methods;
  std::vector<std::string> access_control_allow_headers;
  std::vector<std::string> access_control_allow_origin_list;
  std::vector<std::string> access_control_expose_headers;
  bool access_control_allow_credentials = false;
  std::int64_t access_control_max_age = 0;
  bool add_vary_header = false;
  bool operator==(const Headers&) const = default;
};
struct RedirectScheme {
  std::string scheme;
  std::string port;
  bool permanent = false;
  bool operator==(const RedirectScheme&) const = default;
};
struct BasicAuth {
  std::vector<std::string> users;  ///< "name:hash" with bcrypt, apr1 MD5 or {SHA}
  std::string users_file;
  std::string realm = "traefik";
  std::string header_field;
  bool remove_header = false;
  bool operator==(const BasicAuth&) const = default;
};
/// Which address of a request counts, when a trusted proxy is in front.
struct IpStrategy {
  std::uint32_t depth = 0;  ///< n-th address of X-Forwarded-For from the right; 0: the remote address
  std::vector<std::string> excluded_ips;
  bool operator==(const IpStrategy&) const = default;
};
struct IpAllowList {
  std::vector<std::string> source_range;
  std::optional<IpStrategy> ip_strategy;
  std::uint32_t reject_status_code = 403;
  bool operator==(const IpAllowList&) const = default;
};
/// What requests are grouped by for rateLimit and inFlightReq. Default: the remote address for rateLimit, the
/// request's host for inFlightReq.
struct SourceCriterion {
  std::optional<IpStrategy> ip_strategy;
  std::string request_header_name;
  bool request_host = false;
  bool operator==(const SourceCriterion&) const = default;
};
struct InFlightReq {
  std::int64_t amount = 0;
  std::optional<SourceCriterion> source_criterion;
  bool operator==(const InFlightReq&) const = default;
};
struct RateLimit {
  std::int64_t average = 0;  ///< requests per period; 0: no limit
  base::Duration period = std::chrono::seconds(1);
  std::int64_t burst = 1;
  std::optional<SourceCriterion> source_criterion;
  bool operator==(const RateLimit&) const = default;
};
struct Chain {
  std::vector<std::string> middlewares;
  bool operator==(const Chain&) const = default;
};

/// `http.middlewares.<name>`.
struct Middleware {
  std::variant<StripPrefix, AddPrefix, ReplacePath, Headers, RedirectScheme, BasicAuth, IpAllowList,
               InFlightReq, RateLimit, Chain>
      kind;
  base::SourcePlace place;
  bool operator==(const Middleware&) const = default;
};

/// A whole dynamic configuration of one provider, keyed by unqualified names.
struct Dynamic {
  std::map<std::string, Router> routers;
  std::map<std::string, Service> services;
  std::map<std::string, Middleware> middlewares;
  bool operator==(const Dynamic&) const = default;
};

}  // namespace limpet::config
