#include "config/readers/toml.h"

#include <fmt/format.h>
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <utility>
#include <vector>

namespace limpet::config {
namespace {

class Converter {
 public:
  Converter(std::string_view text, const std::string& source) : source_(source) {
    for (std::size_t at = 0; at != std::string_view::npos;) {
      const std::size_t end = text.find('\n', at);
      lines_.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
      at = end == std::string_view::npos ? end : end + 1;
    }
  }

  [[nodiscard]] Node convert(const toml::node& node) const {
    const base::SourcePlace place = place_of(node.source());
    if (const toml::table* table = node.as_table()) return convert_table(*table, place);
    if (const toml::array* array = node.as_array()) {
      Node list = Node::list(place);
      for (const toml::node& item : *array) list.items.push_back(convert(item));
      return list;
    }
    return Node::text(scalar_text(node), node.is_string() ? place_of_text(place) : place);
  }

  [[nodiscard]] base::SourcePlace place_of(const toml::source_region& region) const {
    return {.source = source_,
            .line = static_cast<std::uint32_t>(region.begin.line),
            .column = static_cast<std::uint32_t>(region.begin.column)};
  }

 private:
  [[nodiscard]] Node convert_table(const toml::table& table, const base::SourcePlace& place) const {
    Node map = Node::map(place);
    for (const auto& [key, value] : table) {
      map.entries.push_back(
          {.key = std::string(key.str()), .key_place = place_of(key.source()), .value = convert(value)});
    }
    std::ranges::sort(map.entries, {}, [](const NodeEntry& entry) {
      return std::pair{entry.key_place.line, entry.key_place.column};
    });
    return map;
  }

  [[nodiscard]] static std::string scalar_text(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
    if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
    if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
    std::ostringstream out;
    if (const auto* date = node.as_date()) out << date->get();
    if (const auto* time = node.as_time()) out << time->get();
    if (const auto* both = node.as_date_time()) out << both->get();
    return out.str();
  }

  /// Where a string's text starts: behind its quotes, on the next line if a line end follows them.
  [[nodiscard]] base::SourcePlace place_of_text(base::SourcePlace place) const {
    if (place.line == 0 || place.line > lines_.size() || place.column == 0) return place;
    const std::string_view line = lines_[place.line - 1];
    if (place.column > line.size()) return place;
    const std::string_view rest = line.substr(place.column - 1);
    const bool triple = rest.starts_with("\"\"\"") || rest.starts_with("'''");
    place.column += triple ? 3 : 1;
    const std::string_view behind = rest.substr(std::min<std::size_t>(rest.size(), triple ? 3 : 1));
    if (triple && behind.find_first_not_of('\r') == std::string_view::npos) {
      ++place.line;
      place.column = 1;
    }
    return place;
  }

  const std::string& source_;
  std::vector<std::string_view> lines_;
};

}  // namespace

std::expected<Node, base::Diagnostics> read_toml(std::string_view text, const std::string& source) {
  const Converter converter(text, source);
  toml::parse_result result = toml::parse(text);
  if (!result) {
    base::Diagnostics problems;
    problems.error(converter.place_of(result.error().source()), "",
                   fmt::format("not valid TOML: {}", result.error().description()));
    return std::unexpected(std::move(problems));
  }
  Node root = converter.convert(std::move(result).table());
  root.place = {.source = source};
  return root;
}

}  // namespace limpet::config
