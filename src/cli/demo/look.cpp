#include "cli/demo/look.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cli/admin_api.h"
#include "cli/demo/plan.h"

namespace limpet::cli {
namespace {

using Json = nlohmann::ordered_json;
using Server = Look::Server;

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : "";
}

Look look_of(const ScalingRow& row, const std::vector<ServerRow>& listed) {
  const Json pool = Json::parse(row.json);
  Look look{.wanted = row.wanted, .why = row.why, .trouble = row.trouble};
  look.waiting = pool.at("waiting").get<std::uint64_t>();
  for (const Json& each : pool.at("decisions")) {
    if (each.at("acts").get<bool>()) look.reason = text_of(each.at("why"));
  }
  for (const Json& each : pool.at("servers")) {
    Server server{.name = text_of(each.at("name")),
                  .url = text_of(each.at("url")),
                  .state = text_of(each.at("state")),
                  .users = each.at("connections").get<std::uint64_t>()};
    const auto found = std::ranges::find(listed, server.url, &ServerRow::url);
    if (found != listed.end()) {
      server.id = found->id;
      server.cookie = found->cookie_value;
    } else if (server.state == "ready") {
      server.state = "starting";  // in a moment users can be sent there
    }
    look.servers.push_back(std::move(server));
  }
  return look;
}

std::string start(const Server& server, const Look& now) {
  return fmt::format("{} starts: {}", server.name, now.reason);
}

std::string readiness(const Server& server) {
  return fmt::format("{} is ready at {}, cookie {}={}", server.name, server.url, kCookieName, server.cookie);
}

/// What became of a server that there was; empty if nothing that matters.
std::string change(const Server& before, const Server& after) {
  if (before.state == after.state) return {};
  if (after.state == "ready" && before.state == "draining") {
    return fmt::format("{} is taken back", after.name);
  }
  if (after.state == "ready") return readiness(after);
  if (after.state == "draining") {
    return after.users == 0
               ? fmt::format("{} drains, with nobody on it", after.name)
               : fmt::format("{} drains: no new users, its {} stay", after.name, users_text(after.users));
  }
  return {};
}

std::string departure(const Server& server, const Look& now) {
  if (server.state == "draining" || server.state == "stopping") {
    return fmt::format("{} has ended, with nobody on it", server.name);
  }
  if (server.state == "starting") return fmt::format("{} did not start: {}", server.name, now.trouble);
  return fmt::format("{} is lost: {}", server.name, now.trouble);
}

}  // namespace

const Server* Look::find(const std::string& url) const {
  const auto found = std::ranges::find(servers, url, &Server::url);
  return found == servers.end() ? nullptr : &*found;
}

const Server* Look::fullest(const std::string& state) const {
  const Server* best = nullptr;
  for (const Server& server : servers) {
    if (server.state == state && (best == nullptr || server.users > best->users)) best = &server;
  }
  return best;
}

std::uint64_t Look::count(const std::string& state) const {
  return static_cast<std::uint64_t>(std::ranges::count(servers, state, &Server::state));
}

std::expected<Look, std::string> look_at(const AdminClient& client) {
  const auto rows = fetch_scaling(client);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::unexpected("nothing is scaled");
  const auto listed = fetch_servers(client, "");
  if (!listed) return std::unexpected(listed.error());
  try {
    return look_of(rows->front(), *listed);
  } catch (const Json::exception& error) {
    return std::unexpected(error.what());
  }
}

std::vector<std::string> news(const Look& before, const Look& now) {
  std::vector<std::string> lines;
  const auto add = [&lines](std::string line) {
    if (!line.empty()) lines.push_back(std::move(line));
  };
  for (const Server& server : before.servers) {
    if (now.find(server.url) == nullptr) add(departure(server, now));
  }
  for (const Server& server : now.servers) {
    const Server* old = before.find(server.url);
    if (old == nullptr) add(start(server, now));
    if (old == nullptr && server.state == "ready") add(readiness(server));
    if (old != nullptr) add(change(*old, server));
  }
  return lines;
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string users_text(std::uint64_t count) {
  return fmt::format("{} user{}", grouped(count), count == 1 ? "" : "s");
}

}  // namespace limpet::cli
