#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/check.h"
#include "config/bind.h"
#include "config/document.h"
#include "config/json.h"

/// A YAML file of a stranger: read, bound as both kinds of configuration in both modes, printed as the API
/// would. Nothing crashes, hangs or throws, and what is refused says why.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace limpet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto node = config::parse_document(text, "f.yml");
  if (!node) {
    LIMPET_CHECK(node.error().has_errors());
    return 0;
  }
  for (const bool lenient : {false, true}) {
    base::Diagnostics problems;
    const config::Dynamic dynamic = config::bind_dynamic(*node, {.lenient = lenient}, problems);
    for (const auto& [name, router] : dynamic.routers) static_cast<void>(config::to_json(router));
    for (const auto& [name, service] : dynamic.services) static_cast<void>(config::to_json(service));
    for (const auto& [name, middleware] : dynamic.middlewares) static_cast<void>(config::to_json(middleware));
    static_cast<void>(config::bind_static(*node, {.lenient = lenient}, problems));
    static_cast<void>(config::in_reading_order(problems).text());
  }
  return 0;
}
