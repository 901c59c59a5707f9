#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "config/model/dynamic.h"
#include "config/model/static.h"

/// Configurations as JSON in the shape of Traefik's API: its key names, in its order, and left out what
/// Traefik leaves out. Limpet's own keys occur only where they differ from their default; secrets never do.
/// Texts are as they were written, so dump with error_handler_t::replace: they may not be UTF-8.
namespace limpet::config {

[[nodiscard]] nlohmann::ordered_json to_json(const Router& router);
/// {"loadBalancer": {...}}, {"weighted": ...} or {"failover": ...}
[[nodiscard]] nlohmann::ordered_json to_json(const Service& service);
/// {"stripPrefix": {...}} and the like
[[nodiscard]] nlohmann::ordered_json to_json(const Middleware& middleware);
[[nodiscard]] nlohmann::ordered_json to_json(const EntryPoint& entry_point);

/// The key of what a service or middleware is: "loadBalancer", "stripPrefix". Traefik's API gives it in lower
/// case as "type".
[[nodiscard]] std::string_view kind_of(const Service& service);
[[nodiscard]] std::string_view kind_of(const Middleware& middleware);

}  // namespace limpet::config
