#include "config/node.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"

namespace limpet::config {
namespace {

constexpr std::size_t kMaxDepth = 32;

std::optional<std::size_t> index_of(std::string_view text) {
  std::size_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// "a.b[0].c" as "a", "b", "[0]", "c"; nothing if a segment is empty or a bracket is open.
std::optional<std::vector<std::string_view>> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    const std::size_t dot = path.find('.');
    std::string_view part = path.substr(0, dot);
    const std::size_t bracket = part.find('[');
    const std::string_view name = part.substr(0, bracket);
    if (name.empty()) return std::nullopt;
    segments.push_back(name);
    part.remove_prefix(name.size());
    while (!part.empty()) {
      const std::size_t close = part.find(']');
      if (part.front() != '[' || close == std::string_view::npos) return std::nullopt;
      if (!index_of(part.substr(1, close - 1))) return std::nullopt;
      segments.push_back(part.substr(0, close + 1));
      part.remove_prefix(close + 1);
    }
    if (dot == std::string_view::npos) return segments;
    path.remove_prefix(dot + 1);
  }
}

bool is_index(std::string_view segment) {
  return segment.starts_with('[');
}

/// Turns maps with the keys "[0]", "[1]", ... into lists, in the order of the numbers.
void make_lists(Node& node) {
  for (NodeEntry& entry : node.entries) make_lists(entry.value);
  if (node.entries.empty() || !is_index(node.entries.front().key)) return;
  std::ranges::sort(node.entries, {}, [](const NodeEntry& entry) {
    const std::string_view key = entry.key;
    return index_of(key.substr(1, key.size() - 2)).value_or(0);
  });
  for (NodeEntry& entry : node.entries) node.items.push_back(std::move(entry.value));
  node.entries.clear();
  node.kind = Node::Kind::kList;
}

}  // namespace

Node Node::map(base::SourcePlace place) {
  Node node;
  node.kind = Kind::kMap;
  node.place = std::move(place);
  return node;
}

Node Node::list(base::SourcePlace place) {
  Node node;
  node.kind = Kind::kList;
  node.place = std::move(place);
  return node;
}

Node Node::text(std::string scalar, base::SourcePlace place) {
  Node node;
  node.kind = Kind::kScalar;
  node.scalar = std::move(scalar);
  node.place = std::move(place);
  return node;
}

bool Node::says(bool value) const noexcept {
  return is_scalar() && base::iequals(scalar, value ? "true" : "false");
}

const Node* Node::find(std::string_view key) const noexcept {
  const auto found =
      std::ranges::find_if(entries, [&](const NodeEntry& entry) { return base::iequals(entry.key, key); });
  return found == entries.end() ? nullptr : &found->value;
}

Node* Node::find(std::string_view key) noexcept {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

const Node* Node::find_path(std::string_view path) const noexcept {
  const auto segments = segments_of(path);
  if (!segments) return nullptr;
  const Node* node = this;
  for (const std::string_view segment : *segments) {
    if (is_index(segment)) {
      const std::size_t index = index_of(segment.substr(1, segment.size() - 2)).value_or(node->items.size());
      node = index < node->items.size() ? &node->items[index] : nullptr;
    } else {
      node = node->find(segment);
    }
    if (node == nullptr) return nullptr;
  }
  return node;
}

Node Node::take(std::string_view key) {
  const auto found =
      std::ranges::find_if(entries, [&](const NodeEntry& entry) { return base::iequals(entry.key, key); });
  if (found == entries.end()) return {};
  Node value = std::move(found->value);
  entries.erase(found);
  return value;
}

Node merge(Node base, Node over) {
  if (base.is_map() && over.says(true)) return base;
  if (!base.is_map() || !over.is_map()) return over;
  for (NodeEntry& entry : over.entries) {
    if (Node* below = base.find(entry.key)) {
      *below = merge(std::move(*below), std::move(entry.value));
    } else {
      base.entries.push_back(std::move(entry));
    }
  }
  return base;
}

void FlatTree::add(std::string_view path, std::string_view value, const base::SourcePlace& place,
                   base::Diagnostics& out) {
  const auto segments = segments_of(path);
  if (!segments || segments->size() > kMaxDepth) {
    out.error(place, std::string(path),
              "expected keys separated by dots, such as log.level or servers[0].url");
    return;
  }
  Node* node = &root_;
  for (const std::string_view segment : *segments) {
    if (node->is_scalar() && !node->says(true)) {
      out.error(place, std::string(path),
                fmt::format("the key before {} has the value \"{}\" already", segment, node->scalar));
      return;
    }
    if (!node->entries.empty() && is_index(node->entries.front().key) != is_index(segment)) {
      out.error(place, std::string(path), "expected either list positions or names after the same key");
      return;
    }
    if (!node->is_map()) *node = Node::map(place);
    node->flat = true;
    Node* next = node->find(segment);
    if (next == nullptr) {
      node->entries.push_back({.key = std::string(segment), .key_place = place, .value = {}});
      next = &node->entries.back().value;
      next->place = place;
    }
    node = next;
  }
  if (node->is_map()) {
    const bool just_on = base::iequals(value, "true") || value.empty();
    if (!just_on) {
      out.error(place, std::string(path), fmt::format("expected keys below it, got the value \"{}\"", value));
    }
    return;
  }
  *node = Node::text(std::string(value), place);
  node->flat = true;
}

Node FlatTree::finish() {
  Node tree = std::exchange(root_, Node::map({}));
  make_lists(tree);
  return tree;
}

}  // namespace limpet::config
