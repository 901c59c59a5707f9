#include "cli/commands/place.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/clock.h"
#include "cli/admin_api.h"

namespace limpet::cli {
namespace {

using Json = nlohmann::ordered_json;

// The policy may ask a webhook.
constexpr base::Duration kTimeout = std::chrono::seconds(15);

std::optional<std::uint32_t> read_number(const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string summary_of(const Json& placed) {
  std::string out =
      fmt::format("{}  {} of {}, {} seats until {}{}\n", placed.at("server").get<std::string>(),
                  placed.at("key").get<std::string>(), placed.at("service").get<std::string>(),
                  placed.at("seats").get<std::uint64_t>(), placed.at("expires").get<std::string>(),
                  placed.at("moved").get<bool>() ? ", moved since its server was lost" : "");
  if (const Json& cookie = placed.at("cookie"); !cookie.is_null()) {
    out += fmt::format("cookie  {}\n", cookie.at("setCookie").get<std::string>());
  }
  if (const Json& ticket = placed.at("ticket"); !ticket.is_null()) {
    out += fmt::format("ticket  {}\n", ticket.get<std::string>());
  }
  return out;
}

}  // namespace

int place(const Call& call) {
  const auto client = admin_client_of(call, kTimeout);
  if (!client) return call.fail(kExitUsage, client.error());
  Json wish{{"service", call.arguments.words[0]}, {"key", call.arguments.words[1]}};
  if (const auto seats = call.arguments.value("seats")) {
    const auto number = read_number(*seats);
    if (!number) return call.fail(kExitUsage, fmt::format("--seats: expected a number, got {}", *seats));
    wish["seats"] = *number;
  }
  if (const auto ttl = call.arguments.value("ttl")) wish["ttl"] = *ttl;
  const auto placed = place_key(*client, wish.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!placed) return call.fail(kExitFailed, placed.error());
  try {
    call.console.out << (call.arguments.has("json") ? *placed + "\n" : summary_of(Json::parse(*placed)));
  } catch (const Json::exception& error) {
    return call.fail(kExitFailed, error.what());
  }
  return kExitFine;
}

}  // namespace limpet::cli
