#include "cli/admin_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"

namespace limpet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDefaultAddress = "http://127.0.0.1:8080";

/// The text with everything but unreserved characters percent-encoded (RFC 3986, section 2.3).
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kPlain.contains(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// Why an answer is not what was asked for.
std::string refusal(const AdminClient& client, const AdminAnswer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  std::string reason;
  if (body.is_object() && body.contains("message") && body["message"].is_string()) {
    base::append_escaped(reason, body["message"].get_ref<const std::string&>());
  }
  if (answer.status == 401) {
    reason =
        "it asks for a token, which is api.token of its configuration: give it with --token or LIMPET_TOKEN";
  } else if (answer.status == 404 && reason.empty()) {
    reason = "that is not Limpet's admin API";
  }
  return fmt::format("{} answered {}{}{}", client.address().text, answer.status, reason.empty() ? "" : ": ",
                     reason);
}

ServerRow row_of(const Json& server) {
  ServerRow row;
  row.id = server.at("id").get<std::string>();
  row.service = server.at("service").get<std::string>();
  row.url = server.at("url").get<std::string>();
  row.status = server.at("status").get<std::string>();
  row.connections = server.at("connections").get<std::uint64_t>();
  if (const Json& capacity = server.at("capacity"); !capacity.is_null())
    row.capacity = capacity.get<std::uint64_t>();
  row.cookie_value = server.at("cookieValue").get<std::string>();
  row.json = server.dump(-1, ' ', false, Json::error_handler_t::replace);
  return row;
}

ScalingRow scaling_row_of(const Json& pool) {
  ScalingRow row;
  row.service = pool.at("service").get<std::string>();
  row.driver = pool.at("driver").get<std::string>();
  for (const auto& [key, value] : {std::pair{"min", &row.min},
                                   {"max", &row.max},
                                   {"wanted", &row.wanted},
                                   {"ready", &row.ready},
                                   {"starting", &row.starting},
                                   {"draining", &row.draining}}) {
    *value = pool.at(key).get<std::uint64_t>();
  }
  for (const Json& server : pool.at("servers")) {
    row.connections += server.at("connections").get<std::uint64_t>();
  }
  row.paused = pool.at("changed").at("paused").get<bool>();
  row.why = pool.at("why").get<std::string>();
  row.trouble = pool.at("trouble").get<std::string>();
  row.json = pool.dump(-1, ' ', false, Json::error_handler_t::replace);
  return row;
}

std::unexpected<std::string> not_understood(const AdminClient& client, std::string_view why) {
  return std::unexpected(
      fmt::format("{} did not answer as Limpet's admin API does: {}", client.address().text, why));
}

}  // namespace

std::expected<std::vector<ServerRow>, std::string> fetch_servers(const AdminClient& client,
                                                                 std::string_view service) {
  const std::string query = service.empty() ? "" : fmt::format("?service={}", percent_encoded(service));
  const auto answer = client.request("GET", "/api/servers" + query);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected(refusal(client, *answer));
  try {
    const Json list = Json::parse(answer->body);
    if (!list.is_array()) return not_understood(client, "expected a JSON array");
    std::vector<ServerRow> rows;
    for (const Json& server : list) rows.push_back(row_of(server));
    return rows;
  } catch (const Json::exception& error) {
    return not_understood(client, error.what());
  }
}

std::expected<ServerRow, std::string> act_on_server(const AdminClient& client, std::string_view id,
                                                    std::string_view action) {
  const auto answer = client.request("POST", fmt::format("/api/servers/{}/{}", percent_encoded(id), action));
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected(refusal(client, *answer));
  try {
    return row_of(Json::parse(answer->body));
  } catch (const Json::exception& error) {
    return not_understood(client, error.what());
  }
}

std::expected<std::string, std::string> place_key(const AdminClient& client, std::string wish) {
  auto answer = client.request("POST", "/api/placements", wish);
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->status != 200) return std::unexpected(refusal(client, *answer));
  return std::move(answer->body);
}

std::expected<std::vector<ScalingRow>, std::string> fetch_scaling(const AdminClient& client) {
  const auto answer = client.request("GET", "/api/scaling");
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected(refusal(client, *answer));
  try {
    std::vector<ScalingRow> rows;
    for (const Json& pool : Json::parse(answer->body)) rows.push_back(scaling_row_of(pool));
    return rows;
  } catch (const Json::exception& error) {
    return not_understood(client, error.what());
  }
}

std::expected<ScalingRow, std::string> change_scaling(
    const AdminClient& client, std::string_view service,
    const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string path = fmt::format("/api/scaling/{}", percent_encoded(service));
  for (const auto& [name, value] : parameters) {
    path += fmt::format("{}{}={}", path.contains('?') ? '&' : '?', name, percent_encoded(value));
  }
  const auto answer = client.request("POST", path);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status != 200) return std::unexpected(refusal(client, *answer));
  try {
    return scaling_row_of(Json::parse(answer->body));
  } catch (const Json::exception& error) {
    return not_understood(client, error.what());
  }
}

std::expected<AdminClient, std::string> admin_client_of(const Call& call, base::Duration timeout) {
  auto address = parse_admin_address(call.option_or("address", "LIMPET_ADDRESS", kDefaultAddress));
  if (!address) return std::unexpected(std::move(address.error()));
  return AdminClient(std::move(*address), call.option_or("token", "LIMPET_TOKEN", ""), timeout);
}

}  // namespace limpet::cli
