#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.h"

namespace limpet::config {

struct NodeEntry;

/// A neutral document tree: what every reader (YAML, TOML, flags, environment, labels) produces and the
/// binder turns into a configuration. Values are texts; what they mean is the binder's business. A plain
/// value.
struct Node {
  enum class Kind : std::uint8_t { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  /// From a flat text source (flag, environment, label): there a list is a comma-separated text.
  bool flat = false;
  base::SourcePlace place;         ///< of the value; for a quoted text of its first character
  std::string scalar;              ///< for kScalar
  std::vector<Node> items;         ///< for kList
  std::vector<NodeEntry> entries;  ///< for kMap, in the order written

  [[nodiscard]] static Node map(base::SourcePlace place);
  [[nodiscard]] static Node list(base::SourcePlace place);
  [[nodiscard]] static Node text(std::string scalar, base::SourcePlace place);

  [[nodiscard]] bool is_map() const noexcept { return kind == Kind::kMap; }
  [[nodiscard]] bool is_list() const noexcept { return kind == Kind::kList; }
  [[nodiscard]] bool is_scalar() const noexcept { return kind == Kind::kScalar; }
  [[nodiscard]] bool is_null() const noexcept { return kind == Kind::kNull; }
  /// A scalar that says true (or false), in any case.
  [[nodiscard]] bool says(bool value) const noexcept;

  /// The value of a key of this map, whatever the case of its letters; null if there is none.
  [[nodiscard]] const Node* find(std::string_view key) const noexcept;
  [[nodiscard]] Node* find(std::string_view key) noexcept;
  /// The value at a dotted path of keys, with list positions as in "servers[0].url"; null if there is none.
  [[nodiscard]] const Node* find_path(std::string_view path) const noexcept;
  /// Removes a key of this map and returns its value, kNull if there is none. For keys that only a provider
  /// knows.
  Node take(std::string_view key);
};

/// A key of a map with its value.
struct NodeEntry {
  std::string key;
  base::SourcePlace key_place;
  Node value;
};

/// Lays `over` on `base`, key by key (keys are equal whatever their case): maps are merged, anything else
/// replaces. A bare "true" leaves a map in place, since both switch the same thing on.
[[nodiscard]] Node merge(Node base, Node over);

/// Puts flat "a.b[0].c = value" texts together into a tree. Keys are equal whatever the case of their
/// letters; the first spelling stays.
class FlatTree {
 public:
  /// Adds one value. `key` names the value in messages. Problems (an empty segment, a value where a group is,
  /// a bad index) go to `out` and leave the value out.
  void add(std::string_view path, std::string_view value, const base::SourcePlace& place,
           base::Diagnostics& out);
  /// The tree; the builder is empty afterwards.
  [[nodiscard]] Node finish();

 private:
  Node root_ = Node::map({});
};

}  // namespace limpet::config
