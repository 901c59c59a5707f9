#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "balancing/service.h"
#include "http/head.h"

/// Requests that a server sends on to another one.
namespace limpet::proxy {

/// The field of a server's answer that says so. It never reaches a client.
inline constexpr std::string_view kReplayField = "Limpet-Replay";
/// How often one request may be sent on.
inline constexpr int kMaxReplays = 3;

/// Where a request is to go: to the server of a key, to a certain server (and with a key, which is to be
/// there from now on), or to any other one.
struct ReplayOrder {
  std::string server;  ///< a cookie value or a URL
  std::string key;
  bool elsewhere = false;
  bool operator==(const ReplayOrder&) const = default;
};

/// Reads "server=VALUE", "key=KEY", both with a semicolon between them, or "elsewhere". Nothing if it is
/// something else.
[[nodiscard]] std::optional<ReplayOrder> parse_replay(std::string_view value);

/// The order in a server's answer, if the service lets its servers send requests on and there is one. One
/// that can't be read is none, and logged.
[[nodiscard]] std::optional<ReplayOrder> find_replay(const balancing::Service& service,
                                                     const balancing::Server& server,
                                                     const http::ResponseHead& answer);

}  // namespace limpet::proxy
