#include "config/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/text.h"
#include "base/units.h"
#include "config/describe_dynamic.h"
#include "config/describe_static.h"

namespace limpet::config {

/// The visitor that writes every key down, with the defaults of a configuration that says nothing.
class Cataloguer {
 public:
  Cataloguer(std::string path, bool own, std::vector<KeyInfo>& out)
      : path_(std::move(path)), own_(own), out_(out) {}

  template <class T>
  void field(const Meta& meta, const T& member, Range /*range*/ = {}) {
    add_value(meta, member);
  }

  void bytes(const Meta& meta, std::uint64_t member) {
    add(meta, FlagKind::kValue, "size", fmt::format("{}", member));
  }

  template <class T, class N, std::size_t kCount>
  void choice(const Meta& meta, const T& member, const std::array<Name<N>, kCount>& names) {
    std::vector<std::string_view> texts;
    std::string fallback;
    for (const Name<N>& name : names) {
      if (!name.name.empty()) texts.push_back(name.name);
      if (fallback.empty() && T(name.value) == member) fallback = name.name;
    }
    add(meta, FlagKind::kValue, fmt::format("{}", fmt::join(texts, ", ")), std::move(fallback));
  }

  template <class T>
  void coded(const Meta& meta, const std::vector<T>& /*member*/, const Codec<T>& codec) {
    add(meta, FlagKind::kList, fmt::format("list of {}", codec.form), "");
  }

  template <class Body>
  void group(const Meta& meta, Body body) {
    add_group(meta, meta.key);
    Cataloguer inner = below(meta, meta.key);
    body(inner);
  }

  template <class... Kinds, class... Alternatives>
  void one_of(const std::variant<Kinds...>& /*member*/, const Alternative<Alternatives>&... alternatives) {
    (add_struct<Alternatives>(alternatives.meta, alternatives.meta.key), ...);
  }

  void keep_place(std::string_view /*key*/, const base::SourcePlace& /*place*/) {}
  void unsupported(std::initializer_list<std::string_view> keys) {
    add_all(keys, KeyInfo::Use::kUnsupported);
  }
  void without_effect(std::initializer_list<std::string_view> keys) {
    add_all(keys, KeyInfo::Use::kWithoutEffect);
  }
  void ignored(std::initializer_list<std::string_view> keys) { add_all(keys, KeyInfo::Use::kIgnored); }

 private:
  [[nodiscard]] std::string path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }
  [[nodiscard]] bool is_own(const Meta& meta) const { return own_ || (meta.traits & trait::kOwn) != 0; }
  [[nodiscard]] Cataloguer below(const Meta& meta, std::string_view key) const {
    return {path_of(key), is_own(meta), out_};
  }

  void add(const Meta& meta, FlagKind kind, std::string type, std::string fallback) {
    out_.push_back({.path = path_of(meta.key),
                    .kind = kind,
                    .is_group = false,
                    .type = std::move(type),
                    .fallback = (meta.traits & trait::kSecret) != 0 ? "" : std::move(fallback),
                    .doc = meta.doc,
                    .own = is_own(meta)});
  }

  void add_group(const Meta& meta, std::string_view key) {
    out_.push_back({.path = path_of(key),
                    .kind = FlagKind::kSwitch,
                    .is_group = true,
                    .type = "group",
                    .fallback = {},
                    .doc = meta.doc,
                    .own = is_own(meta)});
  }

  void add_all(std::initializer_list<std::string_view> keys, KeyInfo::Use use) {
    for (const std::string_view key : keys) {
      out_.push_back({.path = path_of(key),
                      .kind = FlagKind::kSwitch,
                      .is_group = false,
                      .type = {},
                      .fallback = {},
                      .doc = {},
                      .own = false,
                      .use = use});
    }
  }

  template <class T>
  void add_struct(const Meta& meta, std::string_view key, const T& value = {}) {
    add_group(meta, key);
    Cataloguer inner = below(meta, key);
    describe(inner, value);
  }

  template <class T>
  void add_value(const Meta& meta, const T& member) {
    if constexpr (std::is_same_v<T, std::string>) {
      add(meta, FlagKind::kValue, "text", member);
    } else if constexpr (std::is_same_v<T, bool>) {
      add(meta, FlagKind::kSwitch, "true or false", member ? "true" : "false");
    } else if constexpr (std::is_same_v<T, base::Duration>) {
      add(meta, FlagKind::kValue, "duration", base::format_duration(member));
    } else if constexpr (Whole<T> || std::is_same_v<T, double>) {
      add(meta, FlagKind::kValue, "number", fmt::format("{}", member));
    } else if constexpr (Optional<T>) {
      add_optional(meta, member.value_or(typename T::value_type{}));
    } else if constexpr (Vector<T>) {
      add_list(meta, member);
    } else if constexpr (Map<T>) {
      add_map(meta, typename T::mapped_type{});
    } else {
      add_struct(meta, meta.key, member);
    }
  }

  template <class T>
  void add_optional(const Meta& meta, const T& value) {
    add_value(meta, value);
    if constexpr (!Struct<T>) out_.back().fallback.clear();
  }

  template <class T>
  void add_list(const Meta& meta, const std::vector<T>& member) {
    if constexpr (Struct<T>) {
      add_struct<T>(meta, fmt::format("{}[]", meta.key));
    } else {
      const std::string type = std::is_same_v<T, std::string> ? "list of texts" : "list of numbers";
      add(meta, FlagKind::kList, type, fmt::format("{}", fmt::join(member, ", ")));
    }
  }

  template <class T>
  void add_map(const Meta& meta, const T& value) {
    const std::string key = fmt::format("{}.<name>", meta.key);
    if constexpr (Struct<T>) {
      add_struct(meta, key, value);
    } else {
      add({.key = key, .doc = meta.doc, .traits = meta.traits}, FlagKind::kValue, "text", "");
    }
  }

  std::string path_;
  bool own_;
  std::vector<KeyInfo>& out_;
};

namespace {

template <class T>
std::vector<KeyInfo> catalogue_of() {
  std::vector<KeyInfo> keys;
  const T defaults{};
  Cataloguer cataloguer("", false, keys);
  describe(cataloguer, defaults);
  return keys;
}

/// Whether a key with names filled in is the catalogue's.
bool fits(std::string_view pattern, std::string_view key) {
  while (true) {
    const std::size_t pattern_dot = pattern.find('.');
    const std::size_t key_dot = key.find('.');
    const std::string_view expected = pattern.substr(0, pattern_dot);
    const std::string_view given = key.substr(0, key_dot);
    if (expected != "<name>" && !base::iequals(expected, given)) return false;
    if (given.empty()) return false;
    if (pattern_dot == std::string_view::npos || key_dot == std::string_view::npos)
      return pattern_dot == key_dot;
    pattern.remove_prefix(pattern_dot + 1);
    key.remove_prefix(key_dot + 1);
  }
}

}  // namespace

const std::vector<KeyInfo>& static_keys() {
  static const std::vector<KeyInfo> keys = catalogue_of<Static>();
  return keys;
}

const std::vector<KeyInfo>& dynamic_keys() {
  static const std::vector<KeyInfo> keys = catalogue_of<Dynamic>();
  return keys;
}

FlagKind static_flag_kind(std::string_view key) {
  const auto found =
      std::ranges::find_if(static_keys(), [&](const KeyInfo& info) { return fits(info.path, key); });
  return found == static_keys().end() ? FlagKind::kUnknown : found->kind;
}

std::vector<std::string_view> static_roots() {
  std::vector<std::string_view> roots;
  for (const KeyInfo& info : static_keys()) {
    const std::string_view path = info.path;
    const std::string_view root = path.substr(0, path.find('.'));
    if (roots.empty() || roots.back() != root) roots.push_back(root);
  }
  return roots;
}

}  // namespace limpet::config
