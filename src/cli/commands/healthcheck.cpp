#include "cli/commands/healthcheck.h"

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

#include "base/clock.h"
#include "cli/admin_client.h"
#include "config/load.h"

namespace limpet::cli {
namespace {

constexpr base::Duration kTimeout = std::chrono::seconds(5);
constexpr const char* kDefaultAddress = "127.0.0.1:8080";

/// Where a Limpet with this configuration answers /ping.
std::expected<std::string, std::string> ping_address(const config::Static& settings) {
  if (settings.ping && !settings.ping->manual_routing) {
    const auto entry_point = settings.entry_points.find(settings.ping->entry_point);
    if (entry_point == settings.entry_points.end()) {
      return std::unexpected(fmt::format("ping's entry point {} does not exist", settings.ping->entry_point));
    }
    return reachable_address(entry_point->second.address);
  }
  if (settings.api && settings.api->insecure) {
    return std::unexpected("/ping is off: switch it on with --ping, or give --address");
  }
  return reachable_address(settings.api ? settings.api->address : kDefaultAddress);
}

}  // namespace

int healthcheck(const Call& call) {
  std::string where = call.option_or("address", "LIMPET_ADDRESS", "");
  if (where.empty()) {
    const auto loaded = config::load_static(call.arguments.flags, call.environment,
                                            {.lenient_default = true, .directories = {}});
    if (!loaded) {
      call.console.err << loaded.error().text();
      return kExitUsage;
    }
    auto found = ping_address(loaded->settings);
    if (!found) return call.fail(kExitUsage, found.error());
    where = std::move(*found);
  }
  auto address = parse_admin_address(where);
  if (!address) return call.fail(kExitUsage, address.error());
  const auto answer = AdminClient(std::move(*address), "", kTimeout).request("GET", "/ping");
  if (!answer) return call.fail(kExitFailed, answer.error());
  if (answer->status != 200)
    return call.fail(kExitFailed, fmt::format("{} answered {}", where, answer->status));
  call.console.out << fmt::format("OK: {}\n", where);
  return kExitFine;
}

}  // namespace limpet::cli
