#include "cli/commands/scale.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cli/admin_api.h"
#include "cli/table.h"

namespace limpet::cli {
namespace {

constexpr base::Duration kTimeout = std::chrono::seconds(5);

using Parameters = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const std::vector<ScalingRow>& rows) {
  using enum Table::Align;
  Table table({{.title = "SERVICE"},
               {.title = "DRIVER"},
               {.title = "MIN", .align = kRight},
               {.title = "MAX", .align = kRight},
               {.title = "WANTED", .align = kRight},
               {.title = "READY", .align = kRight},
               {.title = "STARTING", .align = kRight},
               {.title = "DRAINING", .align = kRight},
               {.title = "CONNECTIONS", .align = kRight},
               {.title = "LAST DECISION"}});
  for (const ScalingRow& row : rows) {
    table.add({row.service, row.driver, fmt::format("{}", row.min), fmt::format("{}", row.max),
               fmt::format("{}", row.wanted), fmt::format("{}", row.ready), fmt::format("{}", row.starting),
               fmt::format("{}", row.draining), fmt::format("{}", row.connections),
               row.paused ? "paused" : row.why});
  }
  return table.text();
}

int print(const Call& call, const std::vector<ScalingRow>& rows, bool one) {
  if (!call.arguments.has("json")) {
    call.console.out << text_of(rows);
    return kExitFine;
  }
  std::string list;
  for (const ScalingRow& row : rows) list += (list.empty() ? "" : ",") + row.json;
  call.console.out << (one ? list : "[" + list + "]") << "\n";
  return kExitFine;
}

int change(const Call& call, const AdminClient& client, const std::string& service,
           const Parameters& parameters) {
  const auto row = change_scaling(client, service, parameters);
  if (!row) return call.fail(kExitFailed, row.error());
  return print(call, {*row}, true);
}

}  // namespace

int scale(const Call& call) {
  const Arguments& given = call.arguments;
  Parameters parameters;
  for (const std::string_view name : {"min", "max"}) {
    if (const auto value = given.value(name)) parameters.emplace_back(name, *value);
  }
  if (given.has("pause") && given.has("resume")) {
    return call.fail(kExitUsage, "expected --pause or --resume, not both");
  }
  if (given.has("pause")) parameters.emplace_back("paused", "true");
  if (given.has("resume")) parameters.emplace_back("paused", "false");
  if (given.words.empty() && !parameters.empty()) {
    return call.fail(kExitUsage, "expected the name of the service that is to be changed");
  }
  const auto client = admin_client_of(call, kTimeout);
  if (!client) return call.fail(kExitUsage, client.error());
  if (!given.words.empty()) return change(call, *client, given.words.front(), parameters);
  const auto rows = fetch_scaling(*client);
  if (!rows) return call.fail(kExitFailed, rows.error());
  return print(call, *rows, false);
}

int roll(const Call& call) {
  Parameters parameters;
  for (const std::string_view name : {"command", "image"}) {
    if (const auto value = call.arguments.value(name); value && !value->empty()) {
      parameters.emplace_back(name, *value);
    }
  }
  if (parameters.size() != 1) {
    return call.fail(kExitUsage,
                     "expected --command with the new command or --image with the new image, or default for "
                     "what is configured");
  }
  const auto client = admin_client_of(call, kTimeout);
  if (!client) return call.fail(kExitUsage, client.error());
  return change(call, *client, call.arguments.words.front(), parameters);
}

}  // namespace limpet::cli
