#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/readers/flags.h"

namespace limpet::config {

/// What is known about one key of the configuration: for flags, shell completion and the documentation.
struct KeyInfo {
  enum class Use : std::uint8_t { kUsed, kUnsupported, kWithoutEffect, kIgnored };

  std::string path;  ///< dotted, with <name> for names people choose and [] for positions in a list
  FlagKind kind = FlagKind::kValue;
  bool is_group = false;  ///< has keys below it
  std::string type;       ///< for people: "duration", "list of texts", "wrr, leastconn, p2c, hrw"
  std::string fallback;   ///< the default as it would be written; empty if there is none
  std::string_view doc;   ///< one sentence without a full stop
  bool own = false;       ///< Limpet's own
  Use use = Use::kUsed;
};

/// Every key of the static configuration, in the order of the documentation.
[[nodiscard]] const std::vector<KeyInfo>& static_keys();
/// Every key of the dynamic configuration.
[[nodiscard]] const std::vector<KeyInfo>& dynamic_keys();

/// What a flag's dotted key takes, in any case and with names filled in: "entrypoints.web.address".
[[nodiscard]] FlagKind static_flag_kind(std::string_view key);
/// The first parts of all static keys: "entryPoints", "api", ...
[[nodiscard]] std::vector<std::string_view> static_roots();

}  // namespace limpet::config
