#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/diagnostics.h"
#include "base/text.h"
#include "config/describe.h"
#include "config/model/dynamic.h"
#include "config/node.h"

/// The visitor that turns a document tree into a configuration. Included by bind_dynamic.cpp and
/// bind_static.cpp only, so that its templates are compiled twice and not more. Visitors live in this
/// namespace, so that argument-dependent lookup finds the descriptions.
namespace limpet::config {

/// What all binders of one document share.
struct BindContext {
  base::Diagnostics& out;
  bool lenient = false;  ///< unknown and unsupported keys cost a warning

  void value_error(const Node& node, const std::string& path, std::size_t offset, std::string message);
  /// An error in strict mode, else a warning that says that the key is ignored.
  void complain(const base::SourcePlace& place, const std::string& path, const std::string& message);
};

void bind_text(const Node& node, std::string& out, const std::string& path, BindContext& context);
void bind_bool(const Node& node, bool& out, const std::string& path, BindContext& context);
void bind_real(const Node& node, double& out, const std::string& path, BindContext& context);
void bind_duration(const Node& node, base::Duration& out, bool may_be_negative, const std::string& path,
                   BindContext& context);
void bind_bytes(const Node& node, std::uint64_t& out, const std::string& path, BindContext& context);
/// A whole number within limits; nothing if it is none (which has been reported).
std::optional<std::int64_t> bind_whole(const Node& node, Range range, const std::string& path,
                                       BindContext& context);
/// The position among `names` of the name given, whatever its case; nothing if unknown (which has been
/// reported).
std::optional<std::size_t> bind_name(const Node& node, const std::vector<std::string_view>& names,
                                     const std::string& path, BindContext& context);
/// The parts of a list of values: list items, or a flat text split at commas. Reports anything else.
std::vector<Node> list_items(const Node& node, const std::string& path, BindContext& context);
/// Reports a group that is not a map; true if it is switched on (a map, or a bare "true").
bool group_is_on(const Node& node, const std::string& path, BindContext& context);

/// Visits one map.
class Binder {
 public:
  Binder(const Node& node, std::string path, BindContext& context)
      : node_(node), path_(std::move(path)), context_(context), used_(node.entries.size(), false) {}

  template <class T>
  void field(const Meta& meta, T& member, Range range = {}) {
    if (const NodeEntry* entry = take(meta)) {
      bind(entry->value, entry->key_place, member, path_of(meta.key), meta.traits, range);
    }
  }

  void bytes(const Meta& meta, std::uint64_t& member) {
    if (const NodeEntry* entry = take(meta)) bind_bytes(entry->value, member, path_of(meta.key), context_);
  }

  template <class T, class N, std::size_t kCount>
  void choice(const Meta& meta, T& member, const std::array<Name<N>, kCount>& names) {
    const NodeEntry* entry = take(meta);
    if (entry == nullptr || entry->value.is_null()) return;
    std::vector<std::string_view> texts;
    for (const Name<N>& name : names) texts.push_back(name.name);
    if (const auto index = bind_name(entry->value, texts, path_of(meta.key), context_)) {
      member = T(names[*index].value);
    }
  }

  template <class T>
  void coded(const Meta& meta, std::vector<T>& member, const Codec<T>& codec) {
    const NodeEntry* entry = take(meta);
    if (entry == nullptr) return;
    const std::string path = path_of(meta.key);
    member.clear();
    for (const Node& item : list_items(entry->value, path, context_)) {
      std::string text;
      bind_text(item, text, path, context_);
      if (auto value = codec.parse(text)) {
        member.push_back(std::move(*value));
      } else {
        context_.value_error(item, path, value.error().offset,
                             fmt::format("expected {}, got \"{}\"", value.error().expected, text));
      }
    }
  }

  template <class Body>
  void group(const Meta& meta, Body body) {
    const NodeEntry* entry = take(meta);
    if (entry == nullptr || !group_is_on(entry->value, path_of(meta.key), context_)) return;
    Binder inner(entry->value, path_of(meta.key), context_);
    body(inner);
    inner.finish();
  }

  template <class... Kinds, class... Alternatives>
  void one_of(std::variant<Kinds...>& member, const Alternative<Alternatives>&... alternatives) {
    std::vector<std::string_view> given;
    (take_alternative(member, alternatives, given), ...);
    if (given.size() > 1) {
      context_.out.error(node_.place, path_,
                         fmt::format("expected one of {}, not several", fmt::join(given, ", ")));
    }
    if (!given.empty()) return;
    usable_ = false;
    if constexpr ((std::is_same_v<Kinds, Chain> || ...)) {
      if (passed_over_) {
        member = Chain{};
        usable_ = true;
      }
    }
    if (usable_ || refused_) return;
    const std::array names{alternatives.meta.key...};
    context_.out.error(node_.place, path_, fmt::format("expected one of {}", fmt::join(names, ", ")));
  }

  void keep_place(std::string_view key, base::SourcePlace& place) {
    if (const Node* value = node_.find(key)) place = value->place;
  }

  void unsupported(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
      const NodeEntry* entry = take_unlisted(key);
      if (entry == nullptr || entry->value.is_null() || entry->value.says(false)) continue;
      context_.complain(entry->key_place, path_of(key), "not supported yet");
      refused_ = true;
    }
  }

  void without_effect(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
      const NodeEntry* entry = take_unlisted(key);
      if (entry == nullptr || entry->value.is_null()) continue;
      context_.complain(entry->key_place, path_of(key), "not supported yet");
      passed_over_ = true;
    }
  }

  void ignored(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) take_unlisted(key);
  }

  /// Reports the keys that nothing asked for. False if the struct should be left out of the map it belongs
  /// to.
  bool finish() {
    for (std::size_t i = 0; i < used_.size(); ++i) {
      if (!used_[i]) report_unknown(node_.entries[i]);
    }
    return usable_;
  }

  /// Binds a whole struct; false if it should be left out of its map.
  template <Struct T>
  static bool bind_struct(const Node& node, const base::SourcePlace& place, T& out, const std::string& path,
                          BindContext& context) {
    if constexpr (HasPlace<T>) out.place = place;
    bool usable = true;
    if (group_is_on(node, path, context)) {
      Binder binder(node, path, context);
      describe(binder, out);
      usable = binder.finish();
    }
    if constexpr (requires { after_bind(out); }) after_bind(out);
    return usable;
  }

 private:
  [[nodiscard]] std::string path_of(std::string_view key) const {
    return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  }

  const NodeEntry* take(const Meta& meta);
  const NodeEntry* take_unlisted(std::string_view key);
  void report_unknown(const NodeEntry& entry);

  template <class Variant, class T>
  void take_alternative(Variant& member, const Alternative<T>& alternative,
                        std::vector<std::string_view>& given) {
    const NodeEntry* entry = take(alternative.meta);
    if (entry == nullptr || entry->value.is_null()) return;
    given.push_back(alternative.meta.key);
    T kind;
    bind_struct(entry->value, entry->key_place, kind, path_of(alternative.meta.key), context_);
    member = std::move(kind);
  }

  template <class T>
  void bind(const Node& node, const base::SourcePlace& place, T& out, const std::string& path,
            unsigned traits, Range range) {
    if (node.is_null()) {
      if constexpr (Optional<T>) report_empty(node, path);
      return;
    }
    if constexpr (std::is_same_v<T, std::string>) {
      bind_text(node, out, path, context_);
    } else if constexpr (std::is_same_v<T, bool>) {
      bind_bool(node, out, path, context_);
    } else if constexpr (std::is_same_v<T, double>) {
      bind_real(node, out, path, context_);
    } else if constexpr (std::is_same_v<T, base::Duration>) {
      bind_duration(node, out, (traits & trait::kSigned) != 0, path, context_);
    } else if constexpr (Whole<T>) {
      constexpr auto kMost = std::numeric_limits<T>::max();
      if constexpr (sizeof(T) < sizeof(std::int64_t)) range.most = std::min<std::int64_t>(range.most, kMost);
      if (const auto value = bind_whole(node, range, path, context_)) out = static_cast<T>(*value);
    } else if constexpr (Optional<T>) {
      bind_optional(node, place, out, path, traits, range);
    } else if constexpr (Vector<T>) {
      bind_list(node, out, path);
    } else if constexpr (Map<T>) {
      bind_map(node, out, path);
    } else {
      bind_struct(node, place, out, path, context_);
    }
  }

  template <class T>
  void bind_optional(const Node& node, const base::SourcePlace& place, std::optional<T>& out,
                     const std::string& path, unsigned traits, Range range) {
    if constexpr (Struct<T>) {
      if (node.says(false)) {
        out.reset();
        return;
      }
    }
    bind(node, place, out.emplace(), path, traits, range);
  }

  template <class T>
  void bind_list(const Node& node, std::vector<T>& out, const std::string& path) {
    out.clear();
    if constexpr (Struct<T>) {
      if (node.is_map()) {  // labels write a list of one without a position: server.url
        bind_struct(node, node.place, out.emplace_back(), path, context_);
        return;
      }
    }
    std::size_t index = 0;
    for (const Node& item : list_items(node, path, context_)) {
      bind(item, item.place, out.emplace_back(), fmt::format("{}[{}]", path, index++), 0, Range{});
    }
  }

  template <class T>
  void bind_map(const Node& node, std::map<std::string, T>& out, const std::string& path) {
    if (!node.is_map()) {
      context_.out.error(node.place, path, "expected names with values");
      return;
    }
    for (const NodeEntry& entry : node.entries) {
      if (Struct<T> && (entry.value.is_null() || entry.value.says(false))) continue;
      const std::string inner = fmt::format("{}.{}", path, entry.key);
      T& value = out[entry.key];
      if constexpr (Struct<T>) {
        if (!bind_struct(entry.value, entry.key_place, value, inner, context_)) out.erase(entry.key);
      } else {
        bind(entry.value, entry.key_place, value, inner, 0, Range{});
      }
    }
  }

  void report_empty(const Node& node, const std::string& path);

  const Node& node_;
  std::string path_;
  BindContext& context_;
  std::vector<bool> used_;               // by entry
  std::vector<std::string_view> known_;  // supported keys
  bool usable_ = true;
  bool refused_ = false;      // an unsupported key was given
  bool passed_over_ = false;  // a key without effect was given
};

}  // namespace limpet::config
