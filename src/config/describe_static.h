#pragma once

#include <array>

#include "base/log.h"
#include "config/describe.h"
#include "config/describe_placement.h"
#include "config/model/static.h"

/// Descriptions of the static configuration.
namespace limpet::config {

inline constexpr std::array kLogLevelNames = std::to_array<Name<base::LogLevel>>({
    {"TRACE", base::LogLevel::kTrace},
    {"DEBUG", base::LogLevel::kDebug},
    {"INFO", base::LogLevel::kInfo},
    {"WARN", base::LogLevel::kWarn},
    {"WARNING", base::LogLevel::kWarn},
    {"ERROR", base::LogLevel::kError},
    {"OFF", base::LogLevel::kOff},
    {"FATAL", base::LogLevel::kOff},
    {"PANIC", base::LogLevel::kOff},
});
inline constexpr std::array kLogFormatNames = std::to_array<Name<bool>>({{"common", false}, {"json", true}});
inline constexpr std::array kAccessLogFormatNames = std::to_array<Name<std::string_view>>(
    {{"common", "common"}, {"genericCLF", "genericCLF"}, {"json", "json"}});
inline constexpr std::array kEngineNames =
    std::to_array<Name<std::string_view>>({{"auto", "auto"}, {"epoll", "epoll"}, {"io_uring", "io_uring"}});

template <class V, Is<ForwardedHeaders> T>
void describe(V& v, T& t) {
  v.field({"insecure", "Trust everyone's X-Forwarded headers"}, t.insecure);
  v.field({"trustedIPs", "Addresses and CIDR ranges whose X-Forwarded headers are trusted"}, t.trusted_ips);
  v.unsupported({"connection", "notAppendXForwardedFor"});
}

template <class V, Is<ProxyProtocol> T>
void describe(V& v, T& t) {
  v.field({"insecure", "Read the PROXY header of everyone"}, t.insecure);
  v.field({"trustedIPs", "Addresses and CIDR ranges whose PROXY header is read"}, t.trusted_ips);
}

template <class V, Is<Transport> T>
void describe(V& v, T& t) {
  v.group({"lifeCycle", "How the entry point goes down"}, [&](auto& g) {
    g.field({"requestAcceptGraceTimeout", "How long requests are still accepted after the stop signal"},
            t.request_accept_grace_timeout);
    g.field({"graceTimeOut", "How long requests may go on after that"}, t.grace_timeout);
  });
  v.group({"respondingTimeouts", "Time limits of a request"}, [&](auto& g) {
    g.field({"readTimeout", "Longest time for reading a whole request; 0 means no limit"}, t.read_timeout);
    g.field({"writeTimeout", "Longest time for writing an answer; 0 means no limit"}, t.write_timeout);
    g.field({"idleTimeout", "When an idle keep-alive connection is closed; 0 means never"}, t.idle_timeout);
  });
  v.field({"keepAliveMaxTime", "When a keep-alive connection is closed; 0 means no limit"},
          t.keep_alive_max_time);
  v.field(
      {"keepAliveMaxRequests", "After how many requests a keep-alive connection is closed; 0 means no limit"},
      t.keep_alive_max_requests);
}

template <class V, Is<Redirection> T>
void describe(V& v, T& t) {
  v.field({"to", "Entry point to redirect to, or `:port`"}, t.to);
  v.field({"scheme", "Scheme to redirect to"}, t.scheme);
  v.field({"permanent", "Answer with 301 or 308 instead of 302 or 307"}, t.permanent);
  v.field({"priority", "Priority of the router that redirects"}, t.priority,
          Range{std::numeric_limits<std::int64_t>::min()});
}

template <class V, Is<EntryPoint> T>
void describe(V& v, T& t) {
  v.field({"address", "`host:port`, `:port`, `[::1]:port`, or `unix:/path` (Limpet's own)"}, t.address);
  v.field({"reusePort", "Let other processes listen on the same port"}, t.reuse_port);
  v.field({"asDefault", "Used by routers that name no entry point; if none says so, all but traefik are"},
          t.as_default);
  v.field({"transport", "Time limits"}, t.transport);
  v.field({"proxyProtocol", "Read PROXY protocol headers, version 1 and 2"}, t.proxy_protocol);
  v.field({"forwardedHeaders", "Whose X-Forwarded headers are trusted"}, t.forwarded_headers);
  v.group({"http", "HTTP settings"}, [&](auto& g) {
    g.group({"redirections", "Redirections"}, [&](auto& r) {
      r.field({"entryPoint", "Redirect everything to another entry point"}, t.redirection);
    });
    g.field({"middlewares", "Middlewares before those of each router, as `name@provider`"}, t.middlewares);
    g.bytes({"maxHeaderBytes", "Longest request head"}, t.max_head_bytes);
    g.unsupported({"tls", "encodeQuerySemicolons", "sanitizePath", "encodedCharacters"});
  });
  v.field({"maxHeadFields", "Most header fields of a request", trait::kOwn}, t.max_head_fields,
          Range{1, 10'000});
  v.unsupported({"http2", "http3", "udp"});
  v.without_effect({"observability"});
  v.ignored({"allowACMEByPass"});
}

template <class V, Is<Api> T>
void describe(V& v, T& t) {
  v.field({"basePath", "Path the API and the dashboard live under"}, t.base_path);
  v.field({"insecure", "Serve the API on entry point traefik (:8080), for everyone who reaches it"},
          t.insecure);
  v.field({"dashboard", "Serve the dashboard"}, t.dashboard);
  v.field({"debug", "Serve debugging paths too"}, t.debug);
  v.field({"token", "Bearer token that every call but /ping must bring", trait::kOwn | trait::kSecret},
          t.token);
  v.field({"address", "Where the API listens if it is not insecure; default 127.0.0.1:8080", trait::kOwn},
          t.address);
  v.ignored({"disableDashboardAd", "dashboardName"});
}

template <class V, Is<FileProvider> T>
void describe(V& v, T& t) {
  v.field({"filename", "File to read"}, t.filename);
  v.field({"directory", "Directory whose .yml, .yaml and .toml files are read, and its subdirectories'"},
          t.directory);
  v.field({"watch", "Follow changes"}, t.watch);
  v.ignored({"debugLogGeneratedTemplate"});
}

template <class V, Is<DockerProvider> T>
void describe(V& v, T& t) {
  v.field({"exposedByDefault", "Whether containers without the label traefik.enable are used"},
          t.exposed_by_default);
  v.field({"constraints", "Which containers are used, for example ``Label(`stage`, `live`)``"},
          t.constraints);
  v.field({"allowEmptyServices", "Keep the services of containers that are starting or unhealthy"},
          t.allow_empty_services);
  v.field({"network", "Network whose addresses are used; empty means each container's first by name"},
          t.network);
  v.field({"useBindPortIP", "Use the address and port of the host that a container's port is bound to"},
          t.use_bind_port_ip);
  v.field({"watch", "Follow the Engine's events"}, t.watch);
  v.field({"defaultRule", "Rule of routers that have none, a template"}, t.default_rule);
  v.field({"endpoint", "Where the Docker Engine listens, `unix:///path` or `tcp://host:port`"}, t.endpoint);
  v.field({"httpClientTimeout", "How long a call to the Engine may take; 0 means 30s"},
          t.http_client_timeout);
  v.unsupported({"tls", "username", "password", "swarmMode"});
  v.ignored({"swarmModeRefreshSeconds"});
}

template <class V, Is<Providers> T>
void describe(V& v, T& t) {
  v.field({"providersThrottleDuration", "Least time between two changes of configuration that take effect"},
          t.throttle_duration);
  v.field({"file", "Dynamic configuration from files"}, t.file);
  v.field({"docker", "Dynamic configuration from the labels of Docker containers"}, t.docker);
  v.unsupported({"swarm", "kubernetesIngress", "kubernetesIngressNGINX", "kubernetesCRD", "kubernetesGateway",
                 "knative", "rest", "consulCatalog", "nomad", "ecs", "consul", "etcd", "zooKeeper", "redis",
                 "http", "plugin"});
  v.ignored({"precedence"});
}

template <class V, Is<base::LogSettings> T>
void describe(V& v, T& t) {
  v.choice({"level", "Least level that is logged"}, t.level, kLogLevelNames);
  v.choice({"format", "Text or one JSON object a line"}, t.json, kLogFormatNames);
  v.field({"filePath", "File to write to; empty means standard error"}, t.file);
  v.unsupported({"maxSize", "maxBackups", "maxAge", "otlp"});
  v.ignored({"noColor", "compress"});
}

template <class V, Is<AccessLog> T>
void describe(V& v, T& t) {
  v.field({"filePath", "File to write to; empty means standard output"}, t.file_path);
  v.choice({"format", "Form of a line"}, t.format, kAccessLogFormatNames);
  v.field({"bufferingSize", "Lines kept in memory before they are written"}, t.buffering_size,
          Range{0, 1'000'000});
  v.unsupported({"filters", "fields", "otlp"});
  v.ignored({"addInternals"});
}

template <class V, Is<Ping> T>
void describe(V& v, T& t) {
  v.field({"entryPoint", "Entry point that answers /ping"}, t.entry_point);
  v.field({"manualRouting", "Leave routing to a router of yours with service ping@internal"},
          t.manual_routing);
  v.field({"terminatingStatusCode", "Status while stopping"}, t.terminating_status_code, Range{100, 599});
}

template <class V, Is<Prometheus> T>
void describe(V& v, T& t) {
  v.field({"buckets", "Upper limits of the latency histogram, in seconds"}, t.buckets);
  v.field({"addEntryPointsLabels", "Series by entry point"}, t.add_entry_points_labels);
  v.field({"addRoutersLabels", "Series by router"}, t.add_routers_labels);
  v.field({"addServicesLabels", "Series by service"}, t.add_services_labels);
  v.field({"entryPoint", "Entry point that answers /metrics"}, t.entry_point);
  v.field({"manualRouting", "Leave routing to a router of yours with service prometheus@internal"},
          t.manual_routing);
  v.unsupported({"headerLabels"});
}

template <class V, Is<DataPath> T>
void describe(V& v, T& t) {
  v.field({"threads", "Data-plane threads; 0 means one per core", trait::kOwn}, t.threads, Range{0, 1024});
  v.choice({"engine", "Relay engine", trait::kOwn}, t.engine, kEngineNames);
  v.field({"pinThreads", "Bind each thread to a core", trait::kOwn}, t.pin_threads);
  v.field({"batchDelay", "How long a thread that carries many small messages waits for more; 0 to 1ms",
           trait::kOwn},
          t.batch_delay);
  v.field({"maxIdleConnectionsPerServer", "Keep-alive connections kept open to a server, per thread",
           trait::kOwn},
          t.max_idle_connections_per_server, Range{0, 1'000'000});
}

template <class V, Is<Shutdown> T>
void describe(V& v, T& t) {
  v.field(
      {"tunnelGrace",
       "How long all tunnels go on once no more connections are accepted, so that others of a group that go "
       "down too have stopped by then",
       trait::kOwn},
      t.tunnel_grace);
  v.field(
      {"closeWindow", "Time over which they are then closed one by one; 0 means all at once", trait::kOwn},
      t.close_window);
}

template <class V, Is<Static> T>
void describe(V& v, T& t) {
  v.field({"entryPoints", "Addresses to listen on, by name; none given means http on :80"}, t.entry_points);
  v.field({"providers", "Where dynamic configuration comes from"}, t.providers);
  v.field({"api", "Admin API and dashboard"}, t.api);
  v.field({"ping", "Answer /ping"}, t.ping);
  v.group({"metrics", "Metrics"}, [&](auto& g) {
    g.field({"prometheus", "Answer /metrics for Prometheus"}, t.prometheus);
    g.unsupported({"datadog", "statsD", "influxDB", "influxDB2", "otlp"});
    g.ignored({"addInternals"});
  });
  v.field({"log", "Application log"}, t.log);
  v.field({"accessLog", "Access log"}, t.access_log);
  v.field({"dataPath", "The data plane", trait::kOwn}, t.data_path);
  v.field({"shutdown", "How the process goes down", trait::kOwn}, t.shutdown);
  v.field({"placement", "Placements and tickets", trait::kOwn}, t.placement);
  v.group({"compat", "Compatibility", trait::kOwn}, [&](auto& g) {
    g.field(
        {"lenient",
         "Unknown and unsupported keys cost a warning, not an error; on by itself where the configuration is "
         "Traefik's own",
         trait::kOwn},
        t.compat_lenient);
  });
  v.unsupported({"serversTransport", "tcpServersTransport", "tracing", "hostResolver",
                 "certificatesResolvers", "experimental", "spiffe", "ocsp", "pilot"});
  v.ignored({"global", "core", "configFile"});
}

}  // namespace limpet::config
