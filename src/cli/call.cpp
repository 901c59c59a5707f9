#include "cli/call.h"

#include <fmt/format.h>

namespace limpet::cli {

std::string Call::variable(std::string_view name) const {
  for (const std::string& entry : environment) {
    const std::string_view text = entry;
    if (text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=') {
      return std::string(text.substr(name.size() + 1));
    }
  }
  return {};
}

std::string Call::option_or(std::string_view option, std::string_view variable_name,
                            std::string_view fallback) const {
  if (auto given = arguments.value(option); given && !given->empty()) return *given;
  if (std::string value = variable(variable_name); !value.empty()) return value;
  return std::string(fallback);
}

int Call::fail(int status, std::string_view message) const {
  console.err << fmt::format("limpet {}: {}\n", command.name, message);
  return status;
}

}  // namespace limpet::cli
