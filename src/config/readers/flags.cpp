#include "config/readers/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"

namespace limpet::config {
namespace {

struct Flag {
  std::string key;
  std::string value;
  FlagKind kind = FlagKind::kUnknown;
};

bool is_flag(std::string_view arg) {
  return arg.size() > 1 && arg.front() == '-';
}

bool says_switch(std::string_view arg) {
  return base::iequals(arg, "true") || base::iequals(arg, "false");
}

}  // namespace

Node read_flags(std::span<const std::string> args, const std::function<FlagKind(std::string_view)>& kind_of,
                base::Diagnostics& out) {
  std::vector<Flag> flags;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    const base::SourcePlace here{.source = "flags"};
    if (!is_flag(arg)) {
      out.error(here, "", fmt::format("expected a flag such as --log.level=DEBUG, got \"{}\"", arg));
      continue;
    }
    const std::string_view body = arg.substr(arg.starts_with("--") ? 2 : 1);
    const std::size_t equals = body.find('=');
    const std::string_view key = body.substr(0, equals);
    if (key.empty() || key.front() == '-') {
      out.error(here, "", fmt::format("expected a flag such as --log.level=DEBUG, got \"{}\"", arg));
      continue;
    }
    Flag flag{.key = std::string(key), .value = {}, .kind = kind_of(key)};
    const bool has_next = i + 1 < args.size() && !is_flag(args[i + 1]);
    if (equals != std::string_view::npos) {
      flag.value = body.substr(equals + 1);
    } else if (flag.kind == FlagKind::kSwitch) {
      flag.value = has_next && says_switch(args[i + 1]) ? args[++i] : "true";
    } else if (has_next || (flag.kind != FlagKind::kUnknown && i + 1 < args.size())) {
      flag.value = args[++i];
    } else if (flag.kind == FlagKind::kUnknown) {
      flag.value = "true";
    } else {
      out.error({.source = fmt::format("flag --{}", key)}, flag.key, "expected a value after it");
      continue;
    }
    const auto same =
        std::ranges::find_if(flags, [&](const Flag& other) { return base::iequals(other.key, flag.key); });
    if (same == flags.end()) {
      flags.push_back(std::move(flag));
    } else if (flag.kind == FlagKind::kList) {
      same->value += "," + flag.value;
    } else {
      same->value = std::move(flag.value);
    }
  }
  FlatTree tree;
  for (const Flag& flag : flags) {
    tree.add(flag.key, flag.value, {.source = fmt::format("flag --{}", flag.key)}, out);
  }
  return tree.finish();
}

}  // namespace limpet::config
