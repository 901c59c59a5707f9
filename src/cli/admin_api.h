#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/admin_client.h"
#include "cli/call.h"

/// Limpet's own part of the admin API, as the commands need it.
namespace limpet::cli {

/// One server, as GET /api/servers tells.
struct ServerRow {
  std::string id;
  std::string service;  ///< qualified: "web@file"
  std::string url;
  std::string status;
  std::uint64_t connections = 0;
  std::uint64_t capacity = 0;  ///< 0: no limit
  std::string cookie_value;    ///< in the format issued
  std::string json;            ///< the whole object, on one line
};

/// All servers, or those of one service ("web" or "web@file"; empty: all), in the order of the API. Fails
/// with a sentence.
[[nodiscard]] std::expected<std::vector<ServerRow>, std::string> fetch_servers(const AdminClient& client,
                                                                               std::string_view service);

/// Asks for an action ("drain", "undrain") on the server with this id; gives the server as it is then. Fails
/// with a sentence.
[[nodiscard]] std::expected<ServerRow, std::string> act_on_server(const AdminClient& client,
                                                                  std::string_view id,
                                                                  std::string_view action);

/// Asks for a placement; `wish` is the JSON that POST /api/placements takes. Gives the answer's JSON, or
/// fails with a sentence.
[[nodiscard]] std::expected<std::string, std::string> place_key(const AdminClient& client, std::string wish);
/// A service that is scaled, as GET /api/scaling tells.
struct ScalingRow {
  std::string service;  ///< qualified
  std::string driver;
  std::uint64_t min = 0, max = 0, wanted = 0;
  std::uint64_t ready = 0, starting = 0, draining = 0;
  std::uint64_t connections = 0;  ///< of all its servers
  bool paused = false;
  std::string why;      ///< the last decision
  std::string trouble;  ///< of the last launch that failed, or the last server that ended by itself
  std::string json;     ///< the whole object, on one line
};

/// All services that are scaled. Fails with a sentence.
[[nodiscard]] std::expected<std::vector<ScalingRow>, std::string> fetch_scaling(const AdminClient& client);
/// Changes how a service ("web" or "web@file") is scaled, by the API's parameters and values; gives it as it
/// is then. Fails with a sentence.
[[nodiscard]] std::expected<ScalingRow, std::string> change_scaling(
    const AdminClient& client, std::string_view service,
    const std::vector<std::pair<std::string, std::string>>& parameters);

/// The client that a command's --address and --token, or the environment, ask for.
[[nodiscard]] std::expected<AdminClient, std::string> admin_client_of(const Call& call,
                                                                      base::Duration timeout);

}  // namespace limpet::cli
