#include "config/binder.h"

#include <charconv>
#include <system_error>

#include "base/units.h"

namespace limpet::config {
namespace {

/// The place `offset` bytes into a one-line value.
base::SourcePlace shifted(const Node& node, std::size_t offset) {
  base::SourcePlace place = node.place;
  if (place.column != 0 && node.scalar.find('\n') == std::string::npos) {
    place.column += static_cast<std::uint32_t>(offset);
  }
  return place;
}

std::string shown(const Node& node) {
  if (node.is_map()) return "a map";
  if (node.is_list()) return "a list";
  if (node.is_null()) return "nothing";
  std::string text = "\"";
  base::append_escaped(text, node.scalar);
  return text + "\"";
}

}  // namespace

void BindContext::value_error(const Node& node, const std::string& path, std::size_t offset,
                              std::string message) {
  out.error(shifted(node, offset), path, std::move(message));
}

void BindContext::complain(const base::SourcePlace& place, const std::string& path,
                           const std::string& message) {
  if (lenient) {
    out.warning(place, path, message + ", ignored");
  } else {
    out.error(place, path, message);
  }
}

void bind_text(const Node& node, std::string& out, const std::string& path, BindContext& context) {
  if (node.is_scalar()) {
    out = node.scalar;
  } else if (!node.is_null()) {
    context.out.error(node.place, path, fmt::format("expected a text, got {}", shown(node)));
  }
}

void bind_bool(const Node& node, bool& out, const std::string& path, BindContext& context) {
  if (node.says(true) || (node.is_scalar() && node.scalar == "1")) {
    out = true;
  } else if (node.says(false) || (node.is_scalar() && node.scalar == "0")) {
    out = false;
  } else {
    context.out.error(node.place, path, fmt::format("expected true or false, got {}", shown(node)));
  }
}

void bind_real(const Node& node, double& out, const std::string& path, BindContext& context) {
  double value = 0;
  const char* end = node.scalar.data() + node.scalar.size();
  const auto [stop, error] = std::from_chars(node.scalar.data(), end, value);
  if (!node.is_scalar() || node.scalar.empty() || error != std::errc{} || stop != end) {
    context.out.error(node.place, path, fmt::format("expected a number, got {}", shown(node)));
    return;
  }
  out = value;
}

void bind_duration(const Node& node, base::Duration& out, bool may_be_negative, const std::string& path,
                   BindContext& context) {
  std::string_view text = node.scalar;
  const bool negative = may_be_negative && text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const auto value = base::parse_duration(text);
  if (!node.is_scalar() || !value) {
    const std::string expected = value ? "a duration such as 500ms, 1m30s or 1.5h" : value.error().expected;
    context.value_error(node, path, value ? 0 : value.error().offset,
                        fmt::format("expected {}, got {}", expected, shown(node)));
    return;
  }
  out = negative ? -*value : *value;
}

void bind_bytes(const Node& node, std::uint64_t& out, const std::string& path, BindContext& context) {
  const auto value = base::parse_bytes(node.scalar);
  if (!node.is_scalar() || !value) {
    const std::string expected = value ? "a size" : value.error().expected;
    context.value_error(node, path, value ? 0 : value.error().offset,
                        fmt::format("expected {}, got {}", expected, shown(node)));
    return;
  }
  out = *value;
}

std::optional<std::int64_t> bind_whole(const Node& node, Range range, const std::string& path,
                                       BindContext& context) {
  std::int64_t value = 0;
  const char* begin = node.scalar.data();
  const char* end = begin + node.scalar.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  const bool is_number =
      node.is_scalar() && !node.scalar.empty() && error != std::errc::invalid_argument && stop == end;
  const bool is_held = is_number && error == std::errc{} && value >= range.least && value <= range.most;
  if (is_held) return value;
  const bool is_open = range.most == std::numeric_limits<std::int64_t>::max();
  const bool is_free = is_open && range.least == std::numeric_limits<std::int64_t>::min();
  const std::string limits = is_free   ? ""
                             : is_open ? fmt::format(" of at least {}", range.least)
                                       : fmt::format(" from {} to {}", range.least, range.most);
  context.out.error(node.place, path, fmt::format("expected a whole number{}, got {}", limits, shown(node)));
  return std::nullopt;
}

std::optional<std::size_t> bind_name(const Node& node, const std::vector<std::string_view>& names,
                                     const std::string& path, BindContext& context) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (node.is_scalar() && base::iequals(node.scalar, names[i])) return i;
  }
  std::vector<std::string_view> allowed;
  std::ranges::copy_if(names, std::back_inserter(allowed),
                       [](std::string_view name) { return !name.empty(); });
  std::string message = fmt::format("expected {}, got {}", fmt::join(allowed, ", "), shown(node));
  if (const auto near = node.is_scalar() ? base::nearest(node.scalar, allowed) : std::nullopt) {
    message += fmt::format(", did you mean {}?", *near);
  }
  context.out.error(node.place, path, std::move(message));
  return std::nullopt;
}

std::vector<Node> list_items(const Node& node, const std::string& path, BindContext& context) {
  if (node.is_list()) return node.items;
  std::vector<Node> items;
  if (node.is_scalar() && node.flat) {
    for (const std::string_view part : base::split_list(node.scalar, ',')) {
      items.push_back(Node::text(std::string(part), node.place));
    }
  } else if (!node.is_null()) {
    context.out.error(node.place, path, fmt::format("expected a list, got {}", shown(node)));
  }
  return items;
}

bool group_is_on(const Node& node, const std::string& path, BindContext& context) {
  if (node.is_map() || node.says(true)) return true;
  const bool empty_flag = node.flat && node.is_scalar() && node.scalar.empty();
  if (node.is_null() || node.says(false)) return false;
  if (empty_flag) return true;
  context.out.error(node.place, path, fmt::format("expected keys below it, got {}", shown(node)));
  return false;
}

const NodeEntry* Binder::take(const Meta& meta) {
  known_.push_back(meta.key);
  const NodeEntry* found = nullptr;
  for (std::size_t i = 0; i < used_.size(); ++i) {
    const NodeEntry& entry = node_.entries[i];
    const bool named =
        base::iequals(entry.key, meta.key) || (!meta.alias.empty() && base::iequals(entry.key, meta.alias));
    if (!named) continue;
    used_[i] = true;
    if (found != nullptr) {
      context_.out.error(
          entry.key_place, path_of(entry.key),
          fmt::format("given twice, first as {} at line {}", found->key, found->key_place.line));
    } else {
      found = &entry;
    }
  }
  return found;
}

const NodeEntry* Binder::take_unlisted(std::string_view key) {
  const NodeEntry* found = take({.key = key});
  known_.pop_back();
  return found;
}

void Binder::report_unknown(const NodeEntry& entry) {
  std::string message = "unknown key";
  if (const auto near = base::nearest(entry.key, known_)) {
    message += fmt::format(", did you mean {}?", *near);
    if (context_.lenient) message.pop_back();
  } else {
    message += fmt::format(", known here: {}", fmt::join(known_, ", "));
  }
  if (context_.lenient) {
    context_.out.warning(entry.key_place, path_of(entry.key), message + " (ignored)");
  } else {
    context_.out.error(entry.key_place, path_of(entry.key), message);
  }
}

void Binder::report_empty(const Node& node, const std::string& path) {
  context_.out.warning(node.place, path, "empty, so it is off; write {} to switch it on");
}

}  // namespace limpet::config
