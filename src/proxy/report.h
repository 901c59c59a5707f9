#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "net/address.h"
#include "relay/engine.h"
#include "telemetry/access_log.h"
#include "telemetry/request_metrics.h"

/// What is told of a request when it ends: to the metrics and to the access log.
namespace limpet::proxy {

struct EntryPoint;

/// The facts of one request. Texts are views that live until the report is made.
struct Report {
  const EntryPoint* entry_point = nullptr;
  net::SocketAddress client;
  std::string_view
      client_host;  ///< who is behind it, as X-Forwarded-For of a trusted client says; else empty
  base::WallTime started_at{};
  base::TimePoint started{};
  std::string_view method;
  std::string_view host;
  std::string_view target;
  std::string_view referer;
  std::string_view user_agent;
  std::string_view user;
  int minor_version = 1;
  std::string_view router;       ///< qualified name, empty if none matched
  std::string_view service;      ///< qualified name of the leaf, empty if none
  std::string_view server_url;   ///< empty if no server was chosen
  std::string_view server_addr;  ///< "host:port"
  bool websocket = false;
  bool event_stream = false;
  bool tls = false;
  std::uint16_t status = 0;         ///< what the client got
  std::uint16_t server_status = 0;  ///< what the server answered, 0: nothing
  std::uint64_t request_bytes = 0;  ///< of the body
  std::uint64_t response_bytes = 0;
  base::Duration duration{};
  base::Duration server_duration{};
  std::uint32_t retries = 0;
};

/// What a tunnel's report needs when it ends. The texts of the access log are kept only if there is one.
struct TunnelReport {
  struct Names {
    std::string router;
    std::string service;
  };
  struct Texts;
  TunnelReport();
  TunnelReport(TunnelReport&&) noexcept;
  TunnelReport& operator=(TunnelReport&&) noexcept;
  ~TunnelReport();

  std::shared_ptr<const Names> names;  ///< shared by all tunnels of a router: they may outlive its snapshot
  const EntryPoint* entry_point = nullptr;
  base::TimePoint started{};
  std::unique_ptr<Texts> texts;  ///< null without an access log
};

/// Tells one data-plane thread's requests to the metrics and to the access log. The thread's own.
class Reporter {
 public:
  /// Either may be null: switched off.
  Reporter(telemetry::RequestMetrics::Local* metrics, telemetry::AccessLog::Local* access_log) noexcept
      : metrics_(metrics), access_log_(access_log) {}

  void connection_opened(const EntryPoint& entry_point);
  void connection_closed(const EntryPoint& entry_point);
  /// A request that ended with its answer.
  void finished(const Report& report);
  /// A request whose head was refused.
  void refused(const EntryPoint& entry_point, const net::SocketAddress& client, std::uint16_t status);
  /// A request that became a tunnel; what is returned goes to tunnel_closed() at its end.
  [[nodiscard]] TunnelReport tunnel_opened(const Report& report);
  void tunnel_closed(const TunnelReport& report, const relay::TunnelSummary& summary);
  /// Drops names that no tunnel uses; after a change of the snapshot.
  void forget_unused_names();

 private:
  telemetry::RequestMetrics::Local* metrics_;
  telemetry::AccessLog::Local* access_log_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const TunnelReport::Names>> names_;
};

}  // namespace limpet::proxy
