#include "proxy/replay.h"

#include "base/text.h"

namespace limpet::proxy {
namespace {

constexpr std::size_t kMaxKeyBytes = 256;

/// The value of "name=value" if the part has this name.
std::optional<std::string_view> value_of(std::string_view part, std::string_view name) {
  if (part.size() <= name.size() || part[name.size()] != '=') return std::nullopt;
  if (!base::iequals(part.substr(0, name.size()), name)) return std::nullopt;
  return base::trim(part.substr(name.size() + 1));
}

}  // namespace

std::optional<ReplayOrder> parse_replay(std::string_view value) {
  ReplayOrder order;
  if (base::iequals(base::trim(value), "elsewhere")) {
    order.elsewhere = true;
    return order;
  }
  for (const std::string_view part : base::split_list(value, ';')) {
    const auto server = value_of(part, "server");
    const auto key = value_of(part, "key");
    if (server && order.server.empty()) {
      order.server = *server;
    } else if (key && order.key.empty()) {
      order.key = *key;
    } else {
      return std::nullopt;
    }
  }
  if ((order.server.empty() && order.key.empty()) || order.key.size() > kMaxKeyBytes) return std::nullopt;
  return order;
}

}  // namespace limpet::proxy
