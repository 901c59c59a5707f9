#include "cli/commands/healthcheck.h"

#include <fmt/format.h>

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "cli/admin_client.h"
#include "config/load.h"

namespace limpet::cli {
namespace {

constexpr base::Duration kTimeout = std::chrono::seconds(5);
constexpr std::string_view kDefaultAddress = "http://127.0.0.1:8080";

/// Where a Limpet with this configuration answers /ping.
std::expected<AdminAddress, std::string> ping_address(const config::Static& settings) {
  if (settings.ping && !settings.ping->manual_routing) {
    const auto entry_point = settings.entry_points.find(settings.ping->entry_point);
    if (entry_point == settings.entry_points.end()) {
      return std::unexpected(fmt::format("ping's entry point {} does not exist", settings.ping->entry_point));
    }
    return parse_admin_address(reachable_address(entry_point->second.address));
  }
  if (!settings.api) return parse_admin_address(kDefaultAddress);
  if (settings.api->insecure) {
    return std::unexpected("/ping is off: switch it on with --ping, or give --address");
  }
  auto address = parse_admin_address(reachable_address(settings.api->address));
  if (address) {
    address->base_path = settings.api->base_path;
    while (address->base_path.ends_with('/')) address->base_path.pop_back();
  }
  return address;
}

/// Asks an address for /ping and says how it went.
int ask(AdminAddress address, const Call& call) {
  const AdminClient client(std::move(address), "", kTimeout);
  const auto answer = client.request("GET", "/ping");
  if (!answer) return call.fail(kExitFailed, answer.error());
  if (answer->status != 200) {
    return call.fail(kExitFailed, fmt::format("{} answered {}", client.address().text, answer->status));
  }
  call.console.out << fmt::format("OK: {}\n", client.address().text);
  return kExitFine;
}

}  // namespace

int healthcheck(const Call& call) {
  if (const std::string given = call.option_or("address", "LIMPET_ADDRESS", ""); !given.empty()) {
    auto address = parse_admin_address(given);
    return address ? ask(std::move(*address), call) : call.fail(kExitUsage, address.error());
  }
  const auto loaded = config::load_static(call.arguments.flags, call.environment,
                                          {.lenient_default = true, .directories = {}});
  if (!loaded) {
    call.console.err << loaded.error().text();
    return kExitUsage;
  }
  auto address = ping_address(loaded->settings);
  return address ? ask(std::move(*address), call) : call.fail(kExitUsage, address.error());
}

}  // namespace limpet::cli
