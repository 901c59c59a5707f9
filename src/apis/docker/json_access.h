#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

/// How the Engine's answers are read: whatever is left out, or is of another kind, is as if it were empty.
/// For this room's sources only.
namespace limpet::apis::docker {

using Json = nlohmann::json;

/// A tree, or a discarded value for a text that is not JSON.
[[nodiscard]] inline Json parse_json(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

/// The value of a key, or null.
[[nodiscard]] inline const Json& at(const Json& tree, std::string_view key) {
  static const Json kNothing;
  if (!tree.is_object()) return kNothing;
  const auto found = tree.find(key);
  return found == tree.end() ? kNothing : *found;
}

[[nodiscard]] inline std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

[[nodiscard]] inline std::string text_at(const Json& tree, std::string_view key) {
  return text_of(at(tree, key));
}

[[nodiscard]] inline bool flag_at(const Json& tree, std::string_view key) {
  const Json& value = at(tree, key);
  return value.is_boolean() && value.get<bool>();
}

[[nodiscard]] inline std::map<std::string, std::string> texts_at(const Json& tree, std::string_view key) {
  std::map<std::string, std::string> texts;
  const Json& values = at(tree, key);
  if (!values.is_object()) return texts;
  for (const auto& [name, value] : values.items()) {
    if (value.is_string()) texts[name] = value.get<std::string>();
  }
  return texts;
}

[[nodiscard]] inline std::string_view without_slash(std::string_view name) {
  return name.starts_with('/') ? name.substr(1) : name;
}

}  // namespace limpet::apis::docker
