#include "schema_check.h"

#include <algorithm>
#include <ranges>
#include <string_view>

namespace limpet::admin {
namespace {

using Json = nlohmann::ordered_json;

/// The walk through one value; findings come together in `mistakes`.
class SchemaWalk {
 public:
  explicit SchemaWalk(const YAML::Node& document) : document_(document) {}

  void visit(const YAML::Node& at, const Json& value, const std::string& where) {
    const YAML::Node schema = resolved(document_, at);
    check_type(schema, value, where);
    check_enum(schema, value, where);
    if (value.is_object()) visit_object(schema, value, where);
    if (value.is_array() && schema["items"]) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        visit(schema["items"], value[i], where + "[" + std::to_string(i) + "]");
      }
    }
  }

  std::vector<std::string> mistakes;

 private:
  static bool is_of_type(const Json& value, std::string_view type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    return type == "null" && value.is_null();
  }

  void check_type(const YAML::Node& schema, const Json& value, const std::string& where) {
    const YAML::Node type = schema["type"];
    if (!type) {
      mistakes.push_back(where + ": the schema has no type");
      return;
    }
    const auto types =
        type.IsSequence() ? type.as<std::vector<std::string>>() : std::vector{type.as<std::string>()};
    const bool fits =
        std::ranges::any_of(types, [&](const std::string& each) { return is_of_type(value, each); });
    if (!fits) mistakes.push_back(where + ": " + value.dump() + " is not of the type documented");
  }

  void check_enum(const YAML::Node& schema, const Json& value, const std::string& where) {
    if (!schema["enum"] || !value.is_string()) return;
    const auto allowed = schema["enum"].as<std::vector<std::string>>();
    if (std::ranges::find(allowed, value.get<std::string>()) == allowed.end()) {
      mistakes.push_back(where + ": " + value.dump() + " is not among the values documented");
    }
  }

  void visit_object(const YAML::Node& schema, const Json& value, const std::string& where) {
    for (const YAML::Node& key : schema["required"]) {
      if (!value.contains(key.as<std::string>()))
        mistakes.push_back(where + ": lacks " + key.as<std::string>());
    }
    const YAML::Node properties = schema["properties"];
    const YAML::Node others = schema["additionalProperties"];
    for (const auto& [key, inner] : value.items()) {
      const std::string there = where + "." + key;
      if (properties && properties[key]) {
        visit(properties[key], inner, there);
      } else if (others && others.IsMap()) {
        visit(others, inner, there);
      } else if (!others || !others.as<bool>()) {
        mistakes.push_back(there + ": is not documented");
      }
    }
  }

  const YAML::Node& document_;
};

}  // namespace

YAML::Node resolved(const YAML::Node& document, const YAML::Node& node) {
  if (!node.IsMap() || !node["$ref"]) return node;
  constexpr std::string_view kHere = "#/";
  const auto reference = node["$ref"].as<std::string>();
  YAML::Node at;
  at.reset(document);
  for (const auto part : std::views::split(std::string_view(reference).substr(kHere.size()), '/')) {
    at.reset(at[std::string(part.begin(), part.end())]);
  }
  return at;
}

std::vector<std::string> schema_mistakes(const YAML::Node& document, const YAML::Node& schema,
                                         const nlohmann::ordered_json& value, const std::string& where) {
  SchemaWalk walk(document);
  walk.visit(schema, value, where);
  return std::move(walk.mistakes);
}

}  // namespace limpet::admin
