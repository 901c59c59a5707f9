#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/failure.h"
#include "net/address.h"
#include "relay/engine.h"

namespace limpet::proxy {

struct EntryPoint;

/// The facts of one request, for metrics and the access log. Texts are views that live until the report is made.
struct Report {
  const EntryPoint* entry_point = nullptr;
  net::SocketAddress client;
  base::WallTime started_at{};
  base::TimePoint started{};
  std::string_view method;
  std::string_view host;
  std::string_view target;
  std::string_view referer;
  std::string_view user_agent;
  std::string_view user;
  int minor_version = 1;
  std::string_view router;        ///< qualified name, empty if none matched
  std::string_view service;       ///< qualified name of the leaf, empty if none
  std::string_view server_url;    ///< empty if no server was chosen
  bool websocket = false;
  bool event_stream = false;
  std::uint16_t status = 0;         ///< what the client got
  std::uint16_t server_status = 0;  ///< what the server answered, 0: nothing
  std::uint64_t request_bytes = 0;  ///< body
  std::uint64_t response_bytes = 0;
  base::Duration duration{};
  base::Duration server_duration{};
  std::uint32_t retries = 0;
};

}  // namespace limpet::proxy
