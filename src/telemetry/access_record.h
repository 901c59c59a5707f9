#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

/// One line of the access log: its facts and its formats.
namespace limpet::telemetry {

/// What is known of a finished request (a WebSocket when it ends). The texts are views and only need to live
/// during the call that writes them; empty means absent. What Traefik's log derives (Overhead, hosts and
/// ports) is derived here too.
struct AccessRecord {
  base::WallTime start{};
  base::Duration duration{};
  std::string_view entry_point;
  std::string_view router;        ///< qualified name
  std::string_view service;       ///< qualified name
  std::string_view service_url;   ///< of the server, as configured
  std::string_view service_addr;  ///< "host:port" of the server

  std::string_view client_addr;  ///< "ip:port" of the connection
  std::string_view client_host;  ///< who is behind it (X-Forwarded-For); empty: the IP of client_addr
  std::string_view client_username;

  std::string_view request_addr;  ///< the Host field
  std::string_view method;
  std::string_view path;      ///< with the query, as sent
  std::string_view protocol;  ///< "HTTP/1.1"
  std::string_view scheme = "http";
  std::uint64_t request_content_size = 0;  ///< of the body
  std::string_view referer;
  std::string_view user_agent;

  std::optional<base::Duration>
      origin_duration;  ///< until the server's answer ended; nothing: no server answered
  std::uint64_t origin_content_size = 0;
  std::uint16_t origin_status = 0;  ///< 0: no server answered
  std::uint16_t downstream_status = 0;
  std::uint64_t downstream_content_size = 0;
  std::uint32_t retry_attempts = 0;

  bool tunnel = false;  ///< the request became a tunnel, to which the next three belong
  std::uint64_t tunnel_messages_to_server = 0;
  std::uint64_t tunnel_messages_to_client = 0;
  std::string_view close_reason;
};

/// Traefik's `accessLog.format`.
enum class AccessFormat : std::uint8_t { kCommon, kGenericClf, kJson };

/// The format that a configuration names ("common", "genericCLF", "json"), in any case.
[[nodiscard]] std::optional<AccessFormat> access_format_from_name(std::string_view name) noexcept;
[[nodiscard]] const std::vector<std::string_view>& access_format_names();

/// Writes records as lines. Whatever a client sent stays within its field of its line: in CLF, quotes,
/// backslashes and all that is not printable ASCII are escaped, and blanks too where a field has no quotes.
/// One thread.
///
/// common:     <ClientHost> - <user> [<date>] "<method> <path> <protocol>" <status> <size> "<referer>" "<user
/// agent>"
///             <count> "<router>" "<server URL>" <n>ms
/// genericCLF: the same up to the user agent
/// json:       one object with Traefik's keys in byte order, and entryPointName, CloseReason,
/// TunnelMessagesToServer,
///             TunnelMessagesToClient
class AccessFormatter {
 public:
  explicit AccessFormatter(AccessFormat format) noexcept : format_(format) {}

  /// Appends one line with its line end. `count`: how many requests were logged so far, this one included.
  void append(std::string& out, const AccessRecord& record, std::uint64_t count);

 private:
  void append_json(std::string& out, const AccessRecord& record, std::uint64_t count);
  /// Seconds that local time is ahead of UTC, asked for once a minute.
  [[nodiscard]] std::int64_t utc_offset(base::WallTime time);

  AccessFormat format_;
  std::optional<std::int64_t> offset_minute_;
  std::int64_t offset_ = 0;
};

}  // namespace limpet::telemetry
