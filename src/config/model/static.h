#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "config/model/placement.h"

/// Static configuration: what is fixed while the process runs. Key names and defaults are Traefik's; keys
/// that Traefik does not have are marked "Limpet's own".
namespace limpet::config {

/// `entryPoints.<name>.forwardedHeaders`.
struct ForwardedHeaders {
  bool insecure = false;                 ///< trust everyone's X-Forwarded-*
  std::vector<std::string> trusted_ips;  ///< addresses or CIDR ranges
  bool operator==(const ForwardedHeaders&) const = default;
};

/// `entryPoints.<name>.proxyProtocol`.
struct ProxyProtocol {
  bool insecure = false;
  std::vector<std::string> trusted_ips;
  bool operator==(const ProxyProtocol&) const = default;
};

/// `entryPoints.<name>.transport`.
struct Transport {
  base::Duration request_accept_grace_timeout{};            ///< lifeCycle.requestAcceptGraceTimeout
  base::Duration grace_timeout = std::chrono::seconds(10);  ///< lifeCycle.graceTimeOut
  base::Duration read_timeout = std::chrono::seconds(60);   ///< respondingTimeouts.readTimeout
  base::Duration write_timeout{};                           ///< respondingTimeouts.writeTimeout, 0: none
  base::Duration idle_timeout = std::chrono::seconds(180);  ///< respondingTimeouts.idleTimeout
  std::uint32_t keep_alive_max_requests = 0;                ///< keepAliveMaxRequests, 0: no limit
  base::Duration keep_alive_max_time{};                     ///< keepAliveMaxTime, 0: no limit
  bool operator==(const Transport&) const = default;
};

/// `entryPoints.<name>.http.redirections.entryPoint`: every request is redirected.
struct Redirection {
  std::string to;  ///< an entry point's name, or ":port"
  std::string scheme = "https";
  bool permanent = true;
  std::int64_t priority = 9'223'372'036'854'775'806;  ///< of the router that redirects, as Traefik's
  bool operator==(const Redirection&) const = default;
};

/// `entryPoints.<name>`.
struct EntryPoint {
  std::string address;  ///< "host:port", ":port", "[::1]:port", or "unix:/path" (Limpet's own)
  bool reuse_port = false;
  bool as_default = false;
  ForwardedHeaders forwarded_headers;
  std::optional<ProxyProtocol> proxy_protocol;
  Transport transport;
  std::uint64_t max_head_bytes = 64 * 1024;  ///< http.maxHeaderBytes: longest request head
  std::uint32_t max_head_fields = 100;       ///< Limpet's own: most header fields
  std::vector<std::string> middlewares;      ///< http.middlewares
  std::optional<Redirection> redirection;    ///< http.redirections.entryPoint
  bool operator==(const EntryPoint&) const = default;
};

/// `api`.
struct Api {
  bool insecure = false;  ///< serve on entry point "traefik" (:8080)
  bool dashboard = true;
  bool debug = false;
  std::string base_path = "/";
  std::string token;  ///< Limpet's own: bearer token asked for by every call but /ping
  /// Limpet's own: where the admin API listens when it is not insecure. Default 127.0.0.1:8080, or
  /// 127.0.0.1:8081 if entry point "traefik" takes port 8080.
  std::string address;
  bool operator==(const Api&) const = default;
};

/// `providers.file`.
struct FileProvider {
  std::string filename;
  std::string directory;
  bool watch = true;
  bool operator==(const FileProvider&) const = default;
};

/// `providers.docker`.
struct DockerProvider {
  std::string endpoint = "unix:///var/run/docker.sock";
  bool exposed_by_default = true;
  std::string network;  ///< whose addresses are used; empty: the first by name
  std::string default_rule = "Host(`{{ normalize .Name }}`)";
  std::string constraints;
  bool watch = true;
  bool use_bind_port_ip = false;
  bool allow_empty_services = false;
  base::Duration http_client_timeout{};  ///< of each call, 0: 30 s
  bool operator==(const DockerProvider&) const = default;
};

/// `providers`.
struct Providers {
  base::Duration throttle_duration = std::chrono::seconds(2);  ///< providersThrottleDuration
  std::optional<FileProvider> file;
  std::optional<DockerProvider> docker;
  bool operator==(const Providers&) const = default;
};

/// `accessLog`.
struct AccessLog {
  std::string file_path;          ///< empty: standard output
  std::string format = "common";  ///< common, genericCLF or json
  std::int64_t buffering_size = 0;
  bool operator==(const AccessLog&) const = default;
};

/// `ping`.
struct Ping {
  std::string entry_point = "traefik";
  bool manual_routing = false;  ///< no router of its own: the user routes to ping@internal
  std::uint32_t terminating_status_code = 503;
  bool operator==(const Ping&) const = default;
};

/// `metrics.prometheus`.
struct Prometheus {
  std::string entry_point = "traefik";
  bool manual_routing = false;  ///< no router of its own: the user routes to prometheus@internal
  std::vector<double> buckets = {0.1, 0.3, 1.2, 5.0};
  bool add_entry_points_labels = true;
  bool add_routers_labels = false;
  bool add_services_labels = true;
  bool operator==(const Prometheus&) const = default;
};

/// `dataPath`, Limpet's own.
struct DataPath {
  std::uint32_t threads = 0;                            ///< 0: one per core
  std::string engine = "auto";                          ///< auto, epoll or io_uring
  bool pin_threads = false;                             ///< bind each thread to a core
  base::Duration batch_delay{};                         ///< how long a busy thread waits for more messages
  std::uint32_t max_idle_connections_per_server = 200;  ///< keep-alive connections kept open, per thread
  bool operator==(const DataPath&) const = default;
};

/// `shutdown`, Limpet's own: how the whole process goes down.
struct Shutdown {
  /// How long tunnels go on after Limpet has stopped accepting, so that others of a group that go down too
  /// can stop as well, and nobody who is closed comes to one of them.
  base::Duration tunnel_grace = std::chrono::seconds(10);
  /// Over which they are closed then, one by one; 0: all at once.
  base::Duration close_window = std::chrono::seconds(120);
  bool operator==(const Shutdown&) const = default;
};

/// A whole static configuration.
struct Static {
  std::map<std::string, EntryPoint> entry_points;
  std::optional<Api> api;
  Providers providers;
  base::LogSettings log;
  std::optional<AccessLog> access_log;
  std::optional<Ping> ping;
  std::optional<Prometheus> prometheus;
  DataPath data_path;
  Shutdown shutdown;
  PlacementStore placement;
  bool compat_lenient = false;  ///< compat.lenient, Limpet's own: unknown keys cost a warning
};

}  // namespace limpet::config
