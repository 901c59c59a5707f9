#pragma once

#include <string>

namespace limpet::config {

/// docs/configuration.md, made from the descriptions of the configuration.
[[nodiscard]] std::string configuration_document();

}  // namespace limpet::config
