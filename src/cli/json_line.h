#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace limpet::cli {

/// JSON on one line, with a line end; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] inline std::string json_line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace limpet::cli
