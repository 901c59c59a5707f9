#include "proxy/replay.h"

#include "base/log.h"
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

std::optional<ReplayOrder> find_replay(const balancing::Service& service, const balancing::Server& server,
                                       const http::ResponseHead& answer) {
  if (!service.settings().replay.enabled) return std::nullopt;
  const auto value = answer.find(kReplayField);
  if (!value) return std::nullopt;
  std::optional<ReplayOrder> order = parse_replay(*value);
  if (!order) {
    base::log_warn("service {}: server {} answered with an unknown {}: {}", service.name(), server.url,
                   kReplayField, base::trim(*value));
  }
  return order;
}

}  // namespace limpet::proxy
