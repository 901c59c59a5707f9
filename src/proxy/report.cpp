#include "proxy/report.h"

#include "proxy/entry_point.h"

namespace limpet::proxy {
namespace {

std::string_view protocol_text(int minor_version) {
  return minor_version == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

telemetry::RequestProtocol protocol_of(const Report& report) {
  if (report.websocket) return telemetry::RequestProtocol::kWebsocket;
  return report.event_stream ? telemetry::RequestProtocol::kSse : telemetry::RequestProtocol::kHttp;
}

}  // namespace

/// Copies of what the access log says of a tunnel's request.
struct TunnelReport::Texts {
  base::WallTime started_at{};
  std::string client_addr;
  std::string client_host;
  std::string method;
  std::string host;
  std::string target;
  std::string referer;
  std::string user_agent;
  std::string user;
  std::string server_url;
  std::string server_addr;
  std::uint32_t retries = 0;
};

TunnelReport::TunnelReport() = default;
TunnelReport::TunnelReport(TunnelReport&&) noexcept = default;
TunnelReport& TunnelReport::operator=(TunnelReport&&) noexcept = default;
TunnelReport::~TunnelReport() = default;

void Reporter::connection_opened(const EntryPoint& entry_point) {
  if (metrics_ != nullptr) metrics_->connection_opened(entry_point.name);
}

void Reporter::connection_closed(const EntryPoint& entry_point) {
  if (metrics_ != nullptr) metrics_->connection_closed(entry_point.name);
}

void Reporter::finished(const Report& report) {
  if (metrics_ != nullptr) {
    metrics_->record({.entry_point = report.entry_point->name,
                      .router = report.router,
                      .service = report.service,
                      .method = report.method,
                      .code = report.status,
                      .protocol = protocol_of(report),
                      .retries = report.retries,
                      .duration = report.duration,
                      .request_bytes = report.request_bytes,
                      .response_bytes = report.response_bytes});
  }
  if (access_log_ == nullptr) return;
  const std::string client = report.client.text();
  telemetry::AccessRecord record;
  record.start = report.started_at;
  record.duration = report.duration;
  record.entry_point = report.entry_point->name;
  record.router = report.router;
  record.service = report.service;
  record.service_url = report.server_url;
  record.service_addr = report.server_addr;
  record.client_addr = client;
  record.client_host = report.client_host;
  record.client_username = report.user;
  record.request_addr = report.host;
  record.method = report.method;
  record.path = report.target;
  record.protocol = protocol_text(report.minor_version);
  record.scheme = report.tls ? "https" : "http";
  record.request_content_size = report.request_bytes;
  record.referer = report.referer;
  record.user_agent = report.user_agent;
  if (report.server_status != 0) record.origin_duration = report.server_duration;
  record.origin_content_size = report.server_status != 0 ? report.response_bytes : 0;
  record.origin_status = report.server_status;
  record.downstream_status = report.status;
  record.downstream_content_size = report.response_bytes;
  record.retry_attempts = report.retries;
  access_log_->write(record);
}

void Reporter::refused(const EntryPoint& entry_point, const net::SocketAddress& client,
                       std::uint16_t status) {
  Report report;
  report.entry_point = &entry_point;
  report.client = client;
  report.started_at = base::WallClock::now();
  report.method = "GET";
  report.target = "-";
  report.status = status;
  finished(report);
}

TunnelReport Reporter::tunnel_opened(const Report& report) {
  TunnelReport kept;
  auto& names = names_[{std::string(report.router), std::string(report.service)}];
  if (names == nullptr) {
    names =
        std::make_shared<const TunnelReport::Names>(std::string(report.router), std::string(report.service));
  }
  kept.names = names;
  kept.entry_point = report.entry_point;
  kept.started = report.started;
  if (metrics_ != nullptr) metrics_->connection_opened(report.entry_point->name);
  if (access_log_ != nullptr) {
    kept.texts = std::make_unique<TunnelReport::Texts>(TunnelReport::Texts{
        .started_at = report.started_at,
        .client_addr = report.client.text(),
        .client_host = std::string(report.client_host),
        .method = std::string(report.method),
        .host = std::string(report.host),
        .target = std::string(report.target),
        .referer = std::string(report.referer),
        .user_agent = std::string(report.user_agent),
        .user = std::string(report.user),
        .server_url = std::string(report.server_url),
        .server_addr = std::string(report.server_addr),
        .retries = report.retries,
    });
  }
  return kept;
}

void Reporter::tunnel_closed(const TunnelReport& report, const relay::TunnelSummary& summary) {
  constexpr std::uint16_t kSwitchingProtocols = 101;
  const base::Duration duration = base::Clock::now() - report.started;
  if (metrics_ != nullptr) {
    metrics_->connection_closed(report.entry_point->name);
    metrics_->record({.entry_point = report.entry_point->name,
                      .router = report.names->router,
                      .service = report.names->service,
                      .method = "GET",
                      .code = kSwitchingProtocols,
                      .protocol = telemetry::RequestProtocol::kWebsocket,
                      .duration = duration,
                      .request_bytes = summary.bytes_to_server,
                      .response_bytes = summary.bytes_to_client});
  }
  if (access_log_ == nullptr || report.texts == nullptr) return;
  const TunnelReport::Texts& texts = *report.texts;
  telemetry::AccessRecord record;
  record.start = texts.started_at;
  record.duration = duration;
  record.entry_point = report.entry_point->name;
  record.router = report.names->router;
  record.service = report.names->service;
  record.service_url = texts.server_url;
  record.service_addr = texts.server_addr;
  record.client_addr = texts.client_addr;
  record.client_host = texts.client_host;
  record.client_username = texts.user;
  record.request_addr = texts.host;
  record.method = texts.method;
  record.path = texts.target;
  record.protocol = "HTTP/1.1";
  record.request_content_size = summary.bytes_to_server;
  record.referer = texts.referer;
  record.user_agent = texts.user_agent;
  record.origin_duration = duration;
  record.origin_content_size = summary.bytes_to_client;
  record.origin_status = kSwitchingProtocols;
  record.downstream_status = kSwitchingProtocols;
  record.downstream_content_size = summary.bytes_to_client;
  record.retry_attempts = texts.retries;
  record.tunnel = true;
  record.tunnel_messages_to_server = summary.messages_to_server;
  record.tunnel_messages_to_client = summary.messages_to_client;
  record.close_reason = relay::close_reason_name(summary.reason);
  access_log_->write(record);
}

void Reporter::forget_unused_names() {
  std::erase_if(names_, [](const auto& item) { return item.second.use_count() == 1; });
}

}  // namespace limpet::proxy
