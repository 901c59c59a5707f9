#include "cli/commands/drain.h"

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "cli/admin_api.h"

namespace limpet::cli {
namespace {

constexpr base::Duration kTimeout = std::chrono::seconds(5);

std::string no_such_server(const std::string& wanted, const std::vector<ServerRow>& rows) {
  std::vector<std::string_view> urls;
  for (const ServerRow& row : rows) urls.push_back(row.url);
  std::string message = fmt::format("there is no server {}", wanted);
  if (const auto near = base::nearest(wanted, urls)) message += fmt::format("; did you mean {}?", *near);
  return message + " (limpet servers lists all)";
}

/// The one server that a person means by its id or URL.
std::expected<ServerRow, std::string> find_server(const AdminClient& client, const std::string& wanted,
                                                  const std::string& service) {
  auto rows = fetch_servers(client, service);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<ServerRow> found;
  for (const ServerRow& row : *rows) {
    if (row.id == wanted) return row;
    if (row.url == wanted) found.push_back(row);
  }
  if (found.empty()) return std::unexpected(no_such_server(wanted, *rows));
  if (found.size() == 1) return found.front();
  std::string message = fmt::format("{} is a server of several services; give --service or an id:", wanted);
  for (const ServerRow& row : found) message += fmt::format("\n  {}  {}", row.id, row.service);
  return std::unexpected(std::move(message));
}

int act(const Call& call, std::string_view action) {
  const auto client = admin_client_of(call, kTimeout);
  if (!client) return call.fail(kExitUsage, client.error());
  const auto server =
      find_server(*client, call.arguments.words.front(), call.arguments.value("service").value_or(""));
  if (!server) return call.fail(kExitFailed, server.error());
  const auto now = act_on_server(*client, server->id, action);
  if (!now) return call.fail(kExitFailed, now.error());
  call.console.out << fmt::format("{} of {} is {}, {} connection{}\n", now->url, now->service, now->status,
                                  now->connections, now->connections == 1 ? "" : "s");
  return kExitFine;
}

}  // namespace

int drain(const Call& call) {
  return act(call, "drain");
}

int undrain(const Call& call) {
  return act(call, "undrain");
}

}  // namespace limpet::cli
