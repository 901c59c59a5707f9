#include "cli/commands/servers.h"

#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/admin_api.h"
#include "cli/stop_signals.h"
#include "cli/table.h"

namespace limpet::cli {
namespace {

constexpr base::Duration kTimeout = std::chrono::seconds(5);
constexpr base::Duration kRound = std::chrono::seconds(1);
/// Moves to the upper left corner and clears what is below.
constexpr std::string_view kRedraw = "\x1b[H\x1b[J";

using Rows = std::expected<std::vector<ServerRow>, std::string>;

Rows ask(const AdminClient& client, const std::string& service) {
  Rows rows = fetch_servers(client, service);
  if (rows && rows->empty() && !service.empty()) {
    return std::unexpected(fmt::format("no service {} has servers; limpet servers lists all", service));
  }
  return rows;
}

std::string table_of(const std::vector<ServerRow>& rows) {
  using enum Table::Align;
  Table table({{.title = "SERVICE"},
               {.title = "SERVER"},
               {.title = "STATUS"},
               {.title = "CONNECTIONS", .align = kRight},
               {.title = "CAPACITY", .align = kRight},
               {.title = "COOKIE VALUE"}});
  std::uint64_t connections = 0;
  for (const ServerRow& row : rows) {
    connections += row.connections;
    table.add({row.service, row.url, row.status, fmt::format("{}", row.connections),
               row.capacity == 0 ? "-" : fmt::format("{}", row.capacity), row.cookie_value});
  }
  return fmt::format("{}{} server{}, {} connection{}\n", table.text(), rows.size(),
                     rows.size() == 1 ? "" : "s", connections, connections == 1 ? "" : "s");
}

std::string json_of(const std::vector<ServerRow>& rows) {
  std::string out = "[";
  for (const ServerRow& row : rows) {
    if (out.size() > 1) out += ',';
    out += row.json;
  }
  return out + "]\n";
}

void print(const std::vector<ServerRow>& rows, const Call& call) {
  const bool json = call.arguments.has("json");
  call.console.out << (json ? json_of(rows) : table_of(rows)) << std::flush;
}

/// A Limpet that does not answer may be on its way back, so that is shown and asked again.
int watch(const AdminClient& client, const std::string& service, const Call& call,
          const NextRound& next_round) {
  const bool json = call.arguments.has("json");
  do {
    const Rows rows = ask(client, service);
    if (!json && call.console.terminal) call.console.out << kRedraw;
    if (rows) {
      print(*rows, call);
    } else {
      static_cast<void>(call.fail(kExitFailed, rows.error()));
    }
    if (!json && !call.console.terminal) call.console.out << std::endl;
  } while (call.console.out && next_round());
  return kExitFine;
}

}  // namespace

int servers_in_rounds(const Call& call, const NextRound& next_round) {
  const auto client = admin_client_of(call, kTimeout);
  if (!client) return call.fail(kExitUsage, client.error());
  const std::string service = call.arguments.value("service").value_or("");
  if (call.arguments.has("watch")) return watch(*client, service, call, next_round);
  const Rows rows = ask(*client, service);
  if (!rows) return call.fail(kExitFailed, rows.error());
  print(*rows, call);
  return kExitFine;
}

int servers(const Call& call) {
  if (!call.arguments.has("watch")) return servers_in_rounds(call, {});
  const StopSignals signals;
  return servers_in_rounds(call, [&signals] { return !signals.wait_for(kRound); });
}

}  // namespace limpet::cli
