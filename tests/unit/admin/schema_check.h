#pragma once

#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace limpet::admin {

/// What of `value` is not as `schema` (OpenAPI 3.1, the part of it that docs/openapi.yaml uses) says: types,
/// `required`, `properties`, `additionalProperties`, `items`, `enum` and local references. Stricter than JSON
/// Schema in one way: a key that an object's schema does not name, and does not allow by
/// additionalProperties, is a mistake too, so that every key is documented. `where` begins each finding.
[[nodiscard]] std::vector<std::string> schema_mistakes(const YAML::Node& document, const YAML::Node& schema,
                                                       const nlohmann::ordered_json& value,
                                                       const std::string& where);

/// The node that a "$ref" of `node` points to, or `node` itself.
[[nodiscard]] YAML::Node resolved(const YAML::Node& document, const YAML::Node& node);

}  // namespace limpet::admin
