#pragma once

#include <array>
#include <span>

#include "config/describe.h"
#include "config/describe_placement.h"
#include "config/model/dynamic.h"
#include "config/sticky_source.h"

/// Descriptions of the dynamic configuration.
namespace limpet::config {

inline constexpr std::array kStrategyNames = std::to_array<Name<Strategy>>({
    {"wrr", Strategy::kWrr},
    {"leastconn", Strategy::kLeastConn},
    {"p2c", Strategy::kP2c},
    {"hrw", Strategy::kHrw},
    {"pack", Strategy::kPack},
    {"spread", Strategy::kSpread},
});
inline constexpr std::array kSameSiteNames = std::to_array<Name<SameSite>>({
    {"none", SameSite::kNone},
    {"lax", SameSite::kLax},
    {"strict", SameSite::kStrict},
    {"", SameSite::kUnset},
});
inline constexpr std::array kCookieFormatNames = std::to_array<Name<CookieFormat>>({
    {"fnv1a", CookieFormat::kFnv1a},
    {"fnv1a-stripped", CookieFormat::kFnv1aStripped},
    {"traefik3", CookieFormat::kTraefik3},
    {"sha256", CookieFormat::kSha256},
    {"fnv1", CookieFormat::kFnv1},
    {"raw", CookieFormat::kRaw},
    {"hmac", CookieFormat::kHmac},
});
inline constexpr std::array kLostPolicyNames = std::to_array<Name<LostPolicy>>({
    {"move", LostPolicy::kMove},
    {"wait", LostPolicy::kWait},
    {"reject", LostPolicy::kReject},
});
inline constexpr std::array kLostPolicyNoWaitNames = std::to_array<Name<LostPolicy>>({
    {"move", LostPolicy::kMove},
    {"reject", LostPolicy::kReject},
});
inline constexpr std::array kScalingPlacementNames = std::to_array<Name<ScalingPlacement>>({
    {"pack", ScalingPlacement::kPack},
    {"spread", ScalingPlacement::kSpread},
});
inline constexpr std::array kHealthCheckModeNames = std::to_array<Name<std::string_view>>({{"http", "http"}});

inline constexpr std::array kCapacityCountsNames = std::to_array<Name<CapacityCounts>>({
    {"connections", CapacityCounts::kConnections},
    {"tunnels", CapacityCounts::kTunnels},
    {"requests", CapacityCounts::kRequests},
    {"sessions", CapacityCounts::kSessions},
});

template <class V, Is<Router> T>
void describe(V& v, T& t) {
  v.field({"entryPoints", "Entry points the router listens on; none given means all default ones"},
          t.entry_points);
  v.field({"middlewares", "Middlewares that requests pass, in this order"}, t.middlewares);
  v.field({"service", "Service that takes the requests"}, t.service);
  v.field({"rule", "Which requests the router takes, in Traefik's v3 rule language"}, t.rule);
  v.keep_place("rule", t.rule_place);
  v.field({"priority", "The highest priority wins; 0 means the length of the rule"}, t.priority,
          Range{std::numeric_limits<std::int64_t>::min()});
  v.unsupported({"tls", "parentRefs"});
  v.without_effect({"observability"});
  v.ignored({"ruleSyntax"});
}

template <class V, Is<Server> T>
void describe(V& v, T& t) {
  v.field({"url", "Address of the server, `http://host:port`; together with the service's name its identity"},
          t.url);
  v.field({"weight", "Share of new users under wrr and hrw; 0 means none", trait::kQuiet}, t.weight,
          Range{0, 1'000'000});
  v.field({"preservePath", "Put the path of the URL before the request's"}, t.preserve_path);
  v.field({"fenced", "Draining: takes no new users"}, t.fenced);
  v.field({"capacity", "Most connections, instead of the service's", trait::kOwn}, t.capacity,
          Range{1, 10'000'000});
}

template <class V, Is<StickyCookie> T>
void describe(V& v, T& t) {
  v.field({"name", "Name of the cookie; empty means derived from the service's name as Traefik does"},
          t.name);
  v.field({"secure", "Send it over HTTPS only"}, t.secure);
  v.field({"httpOnly", "Hide it from scripts"}, t.http_only);
  v.choice({"sameSite", "SameSite attribute"}, t.same_site, kSameSiteNames);
  v.field({"maxAge", "Seconds it lives; 0 means until the browser is closed"}, t.max_age,
          Range{std::numeric_limits<std::int64_t>::min()});
  v.field({"path", "Path attribute"}, t.path);
  v.field({"domain", "Domain attribute"}, t.domain);
  v.field({"partitioned", "Partitioned attribute (CHIPS), for pages embedded in other sites", trait::kOwn},
          t.partitioned);
  v.choice(
      {"format", "Value that is written; every format of every Traefik version is accepted", trait::kOwn},
      t.format, kCookieFormatNames);
  v.field({"secret", "Key of format hmac", trait::kOwn | trait::kSecret}, t.secret);
}

template <class V, Is<Sticky> T>
void describe(V& v, T& t) {
  v.field({"cookie", "Bind users by a cookie"}, t.cookie);
  v.coded({"sources", "What names a user's server, tried in this order; default: the cookie, then sid",
           trait::kOwn},
          t.sources, kStickySourceCodec);
  v.choice({"onDown", "What happens to users of a server that is down", trait::kOwn}, t.on_down,
           kLostPolicyNames);
  v.choice({"onFull", "What happens to users of a server that is full", trait::kOwn}, t.on_full,
           kLostPolicyNames);
  v.choice({"onUnknown", "What happens when no server has the value given", trait::kOwn}, t.on_unknown,
           kLostPolicyNoWaitNames);
  v.choice({"onDraining", "What happens to users of a server that drains; move lets them stay until it stops",
            trait::kOwn},
           t.on_draining, kLostPolicyNames);
  v.field({"waitTimeout", "Longest wait under wait, then 503", trait::kOwn}, t.wait_timeout);
}

/// "sticky=true" and a group without cookie and sources mean a cookie with its defaults.
inline void after_bind(Sticky& sticky) {
  if (!sticky.cookie && sticky.sources.empty()) sticky.cookie.emplace();
}

template <class V, Is<HealthCheck> T>
void describe(V& v, T& t) {
  v.field({"scheme", "Scheme of the check; empty means the server's"}, t.scheme);
  v.choice({"mode", "Kind of check"}, t.mode, kHealthCheckModeNames);
  v.field({"path", "Path that is asked for"}, t.path);
  v.field({"method", "Method of the check", trait::kQuiet}, t.method);
  v.field({"status", "Status expected; 0 means 200 to 399"}, t.status, Range{0, 599});
  v.field({"port", "Port of the check; 0 means the server's"}, t.port, Range{0, 65535});
  v.field({"interval", "Time between checks"}, t.interval);
  v.field({"unhealthyInterval", "Time between checks of a server that is down; not given means interval"},
          t.unhealthy_interval);
  v.field({"timeout", "How long an answer may take"}, t.timeout);
  v.field({"hostname", "Host header of the check"}, t.hostname);
  v.field({"followRedirects", "Follow redirections", trait::kAlways}, t.follow_redirects);
  v.field({"headers", "Headers of the check"}, t.headers);
}

template <class V, Is<PassiveHealthCheck> T>
void describe(V& v, T& t) {
  v.field({"failureWindow", "Time in which failures are counted"}, t.failure_window);
  v.field({"maxFailedAttempts", "Failures within the window that take a server out"}, t.max_failed_attempts,
          Range{1, 1'000'000});
}

template <class V, Is<ProcessDriver> T>
void describe(V& v, T& t) {
  v.field({"command",
           "Command of a server, for example `node server.js --port {port}`; `{port}` stands for its port, "
           "which is in the environment as PORT too; words and quotes as in a shell, but none runs it"},
          t.command);
  v.field({"workdir", "Directory it runs in; empty means Limpet's own"}, t.workdir);
  v.field({"env", "Environment variables besides Limpet's own; an empty value removes", trait::kSecret},
          t.env);
  v.field({"ports", "First and last port given to servers"}, t.ports);
  v.field({"url", "Address of a server; its host is an IP address or localhost"}, t.url);
  v.field({"readyPath",
           "Path that answers 2xx or 3xx once a server is ready; empty means that it takes TCP connections"},
          t.ready_path);
  v.field({"readyTimeout", "How long a server may take until it is ready"}, t.ready_timeout);
  v.field({"stopSignal", "Signal that ends a server: TERM, INT, QUIT, HUP, USR1, USR2 or KILL"},
          t.stop_signal);
  v.field({"stopTimeout", "How long a server may take to end before it is killed"}, t.stop_timeout);
}

template <class V, Is<WebhookDriver> T>
void describe(V& v, T& t) {
  v.field({"url", "Where the wanted state is sent with POST, `http://host:port/path`"}, t.url);
  v.field({"headers", "Headers of these requests", trait::kSecret}, t.headers);
  v.field({"timeout", "How long one request may take; a failed one is sent again"}, t.timeout);
  v.field({"startTimeout", "How long a server that was asked for may take until it is discovered"},
          t.start_timeout);
}

template <class V, Is<DockerDriver> T>
void describe(V& v, T& t) {
  v.field({"project", "Compose project; known where the service comes from Docker's labels"}, t.project);
  v.field({"service", "Service of the project; known there too"}, t.service);
  v.field({"port", "Port that a container listens on; for services in files"}, t.port, Range{0, 65535});
  v.field(
      {"network", "Network whose addresses are used; empty means the first by name; for services in files"},
      t.network);
  v.field(
      {"image",
       "Image that containers move to, without cutting anyone; it is not pulled; empty means the one they "
       "have"},
      t.image);
  v.field(
      {"readyPath",
       "Path that answers 2xx or 3xx once a container is ready; empty means that it takes TCP connections"},
      t.ready_path);
  v.field({"startTimeout", "How long a container may take until it is ready"}, t.start_timeout);
}

template <class V, Is<Scaling> T>
void describe(V& v, T& t) {
  v.field({"min", "Least servers; 0 means none while nobody is there"}, t.min, Range{0, 10'000});
  v.field({"max", "Most servers, draining ones among them"}, t.max, Range{1, 10'000});
  v.field({"capacity", "Users of a server to plan with; default: the service's capacity, else 100"},
          t.capacity, Range{1, 10'000'000});
  v.field({"target", "Share of all seats in use when the number of servers is right, above 0 and at most 1"},
          t.target);
  v.field({"headroom", "Free seats kept at least; default: half a server's"}, t.headroom,
          Range{0, 10'000'000});
  v.field({"soft", "Share of a server's seats up to which new users are packed, above 0 and at most 1"},
          t.soft);
  v.choice({"placement",
            "Where new users go: to the fullest server below `soft`, so that others can empty, "
            "or to the emptiest"},
           t.placement, kScalingPlacementNames);
  v.field({"drain", "How long a server may drain until its last users are closed; default: for ever"},
          t.drain);
  v.field({"closeWindow", "Time over which these are closed one by one"}, t.close_window);
  v.field({"interval", "Time between two decisions"}, t.interval);
  v.field({"stabilisation", "What was needed within this time is kept"}, t.stabilisation);
  v.field({"process", "Servers are processes that Limpet starts and stops"}, t.process);
  v.field({"webhook", "Somebody else starts and stops servers, and is told what is wanted"}, t.webhook);
  v.field(
      {"docker",
       "Servers are containers of a Compose service; the default for services that Docker's labels define"},
      t.docker);
}

template <class V, Is<LoadBalancer> T>
void describe(V& v, T& t) {
  v.field({"sticky", "Keep users with their server"}, t.sticky);
  v.field({"servers", "The servers", 0, "server"}, t.servers);
  v.choice(
      {"strategy",
       "How a server is chosen for a new user; `pack` and `spread` are Limpet's own. Where `scaling` is on, "
       "`wrr` stands for `scaling.placement`"},
      t.strategy, kStrategyNames);
  v.field({"healthCheck", "Ask each server regularly whether it is well"}, t.health_check);
  v.field({"passiveHealthCheck", "Take a server out when requests to it fail"}, t.passive_health_check);
  v.field({"passHostHeader", "Pass the client's Host header on", trait::kAlways}, t.pass_host_header);
  v.group({"responseForwarding", "How answers are sent on"}, [&](auto& g) {
    g.field(
        {"flushInterval", "Accepted for Traefik's sake; bodies are always sent on at once", trait::kSigned},
        t.flush_interval);
  });
  v.field({"capacity", "Most connections of each server; 0 means no limit", trait::kOwn}, t.capacity,
          Range{0, 10'000'000});
  v.choice(
      {"capacityCounts",
       "What takes a seat: requests and tunnels (`connections`), only tunnels and the requests that ask for "
       "one, only requests under way, or Engine.IO `sessions`, one for each user however it is carried",
       trait::kOwn},
      t.capacity_counts, kCapacityCountsNames);
  v.field(
      {"queueTimeout",
       "How long a new user waits for a seat when all servers are full, first come, first served; 0 means "
       "not at all; default: 15s where `scaling` is on, else 0",
       trait::kOwn},
      t.queue_timeout);
  v.field({"queueLimit", "Most users who wait at a time; who comes then gets 503 at once", trait::kOwn},
          t.queue_limit, Range{1, 1'000'000});
  v.field({"connectTimeout", "How long connecting to a server may take", trait::kOwn}, t.connect_timeout);
  v.field({"responseTimeout", "How long the first byte of an answer may take; 0 means no limit", trait::kOwn},
          t.response_timeout);
  v.field({"tunnelIdleTimeout", "When a silent tunnel is closed; 0 means never", trait::kOwn},
          t.tunnel_idle_timeout);
  v.field({"scaling", "The number of servers follows the number of users", trait::kOwn}, t.scaling);
  v.field({"placement", "Where the users of a key (a room, a match) are placed", trait::kOwn}, t.placement);
  v.field({"tickets", "Signed tickets that take users to their server", trait::kOwn}, t.tickets);
  v.field({"join", "Let pages ask for a seat without a server of their own", trait::kOwn}, t.join);
  v.field({"replay", "Let servers send requests on to the right server", trait::kOwn}, t.replay);
  v.unsupported({"serversTransport"});
}

/// Servers that are scaled have a capacity.
inline void after_bind(LoadBalancer& settings) {
  if (settings.scaling && settings.capacity == 0) {
    settings.capacity = settings.scaling->capacity.value_or(Scaling::kUsualCapacity);
  }
}

template <class V, Is<WeightedChild> T>
void describe(V& v, T& t) {
  v.field({"name", "Name of the service"}, t.name);
  v.field({"weight", "Its share; 0 means none", trait::kAlways}, t.weight, Range{0, 1'000'000});
  v.unsupported({"status", "headers", "grpcStatus"});
}

template <class V, Is<Weighted> T>
void describe(V& v, T& t) {
  v.field({"services", "The services"}, t.services);
  v.field({"sticky", "Keep users with their service"}, t.sticky);
  v.ignored({"healthCheck"});
}

template <class V, Is<Failover> T>
void describe(V& v, T& t) {
  v.field({"service", "Service used while any of its servers is up"}, t.service);
  v.field({"fallback", "Service used otherwise"}, t.fallback);
  v.unsupported({"errors"});
  v.ignored({"healthCheck"});
}

template <class V, Is<Service> T>
void describe(V& v, T& t) {
  v.unsupported({"mirroring", "highestRandomWeight", "middlewares"});
  v.one_of(t.kind, Alternative<LoadBalancer>{{"loadBalancer", "A set of servers"}},
           Alternative<Weighted>{{"weighted", "Traffic split between services by weight"}},
           Alternative<Failover>{{"failover", "A service with another one for when it is down"}});
}

template <class V, Is<StripPrefix> T>
void describe(V& v, T& t) {
  v.field({"prefixes", "Prefixes taken off the path; the first that fits"}, t.prefixes);
  v.ignored({"forceSlash"});
}

template <class V, Is<AddPrefix> T>
void describe(V& v, T& t) {
  v.field({"prefix", "Prefix put before the path"}, t.prefix);
}

template <class V, Is<ReplacePath> T>
void describe(V& v, T& t) {
  v.field({"path", "The new path; the old one goes to X-Replaced-Path"}, t.path);
}

template <class V, Is<Headers> T>
void describe(V& v, T& t) {
  v.field({"customRequestHeaders", "Request headers to set; an empty value removes"},
          t.custom_request_headers);
  v.field({"customResponseHeaders", "Response headers to set; an empty value removes"},
          t.custom_response_headers);
  v.field({"accessControlAllowCredentials", "Access-Control-Allow-Credentials"},
          t.access_control_allow_credentials);
  v.field({"accessControlAllowHeaders", "Access-Control-Allow-Headers"}, t.access_control_allow_headers);
  v.field({"accessControlAllowMethods", "Access-Control-Allow-Methods"}, t.access_control_allow_methods);
  v.field({"accessControlAllowOriginList", "Origins allowed, or *"}, t.access_control_allow_origin_list);
  v.field({"accessControlExposeHeaders", "Access-Control-Expose-Headers"}, t.access_control_expose_headers);
  v.field({"accessControlMaxAge", "Access-Control-Max-Age, in seconds"}, t.access_control_max_age);
  v.field({"addVaryHeader", "Add Vary: Origin where origins are listed"}, t.add_vary_header);
  v.unsupported({"accessControlAllowOriginListRegex",
                 "allowedHosts",
                 "hostsProxyHeaders",
                 "sslProxyHeaders",
                 "stsSeconds",
                 "stsIncludeSubdomains",
                 "stsPreload",
                 "forceSTSHeader",
                 "frameDeny",
                 "customFrameOptionsValue",
                 "contentTypeNosniff",
                 "browserXssFilter",
                 "customBrowserXSSValue",
                 "contentSecurityPolicy",
                 "contentSecurityPolicyReportOnly",
                 "publicKey",
                 "referrerPolicy",
                 "permissionsPolicy",
                 "featurePolicy",
                 "sslRedirect",
                 "sslTemporaryRedirect",
                 "sslHost",
                 "sslForceHost"});
  v.ignored({"isDevelopment"});
}

template <class V, Is<RedirectScheme> T>
void describe(V& v, T& t) {
  v.field({"scheme", "Scheme to redirect to"}, t.scheme);
  v.field({"port", "Port to redirect to; empty means none in the URL"}, t.port);
  v.field({"permanent", "Answer with 301 or 308 instead of 302 or 307"}, t.permanent);
}

template <class V, Is<BasicAuth> T>
void describe(V& v, T& t) {
  v.field({"users", "`name:hash` pairs with bcrypt, apr1 MD5 or {SHA} hashes"}, t.users);
  v.field({"usersFile", "File with such pairs, one a line"}, t.users_file);
  v.field({"realm", "Realm shown to the user", trait::kQuiet}, t.realm);
  v.field({"removeHeader", "Take Authorization off before the service"}, t.remove_header);
  v.field({"headerField", "Header that tells the service the user's name"}, t.header_field);
}

template <class V, Is<IpStrategy> T>
void describe(V& v, T& t) {
  v.field({"depth", "Take the n-th address of X-Forwarded-For from the right; 0 means the remote address"},
          t.depth, Range{0, 1000});
  v.field({"excludedIPs", "Addresses of X-Forwarded-For that are passed over from the right"},
          t.excluded_ips);
  v.unsupported({"ipv6Subnet"});
}

template <class V, Is<IpAllowList> T>
void describe(V& v, T& t) {
  v.field({"sourceRange", "Addresses and CIDR ranges that are let in"}, t.source_range);
  v.field({"ipStrategy", "Which address counts"}, t.ip_strategy);
  v.field({"rejectStatusCode", "Status of the answer to others", trait::kQuiet}, t.reject_status_code,
          Range{400, 599});
}

template <class V, Is<SourceCriterion> T>
void describe(V& v, T& t) {
  v.field({"ipStrategy", "Group by client address, and which one"}, t.ip_strategy);
  v.field({"requestHeaderName", "Group by the value of this header"}, t.request_header_name);
  v.field({"requestHost", "Group by host"}, t.request_host);
}

template <class V, Is<InFlightReq> T>
void describe(V& v, T& t) {
  v.field({"amount", "Most requests at a time in each group; above that 429"}, t.amount, Range{0});
  v.field({"sourceCriterion", "What requests are grouped by; default: host"}, t.source_criterion);
}

template <class V, Is<RateLimit> T>
void describe(V& v, T& t) {
  v.field({"average", "Requests per period; 0 means no limit"}, t.average, Range{0});
  v.field({"period", "The period"}, t.period);
  v.field({"burst", "Requests that may come at once"}, t.burst, Range{0});
  v.field({"sourceCriterion", "What requests are grouped by; default: client address"}, t.source_criterion);
  v.unsupported({"redis"});
}

template <class V, Is<Chain> T>
void describe(V& v, T& t) {
  v.field({"middlewares", "Middlewares in their order"}, t.middlewares);
}

template <class V, Is<Middleware> T>
void describe(V& v, T& t) {
  v.unsupported({"stripPrefixRegex", "replacePathRegex", "errors", "redirectRegex", "digestAuth",
                 "forwardAuth", "passTLSClientCert", "plugin", "encodedCharacters"});
  v.without_effect({"buffering", "circuitBreaker", "compress", "retry", "contentType", "grpcWeb"});
  v.one_of(t.kind, Alternative<StripPrefix>{{"stripPrefix", "Takes a prefix off the path"}},
           Alternative<AddPrefix>{{"addPrefix", "Puts a prefix before the path"}},
           Alternative<ReplacePath>{{"replacePath", "Replaces the path"}},
           Alternative<Headers>{{"headers", "Sets and removes headers, answers CORS preflights"}},
           Alternative<RedirectScheme>{{"redirectScheme", "Redirects to another scheme or port"}},
           Alternative<BasicAuth>{{"basicAuth", "Asks for a name and a password"}},
           Alternative<IpAllowList>{{"ipAllowList", "Lets in some client addresses only", 0, "ipWhiteList"}},
           Alternative<InFlightReq>{{"inFlightReq", "Limits requests at a time"}},
           Alternative<RateLimit>{{"rateLimit", "Limits requests per time"}},
           Alternative<Chain>{{"chain", "Several middlewares under one name"}});
}

template <class V, Is<Dynamic> T>
void describe(V& v, T& t) {
  v.group({"http", "HTTP routing"}, [&](auto& g) {
    g.field({"routers", "Routers by name"}, t.routers);
    g.field({"services", "Services by name"}, t.services);
    g.field({"middlewares", "Middlewares by name"}, t.middlewares);
    g.unsupported({"serversTransports"});
    g.ignored({"models"});
  });
  v.unsupported({"tcp", "udp", "tls"});
}

}  // namespace limpet::config
