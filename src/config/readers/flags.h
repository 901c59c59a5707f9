#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/diagnostics.h"
#include "config/node.h"

namespace limpet::config {

/// What a key takes, as far as reading flags depends on it.
enum class FlagKind : std::uint8_t {
  kSwitch,   ///< true or false, or a group: bare means true
  kList,     ///< repeating it appends
  kValue,    ///< a text: "--key value" takes the next argument
  kUnknown,  ///< no such key
};

/// Reads Traefik's flags: "--a.b=v", "--a.b v", "--a.b" (true for switches), "-a.b" too; keys in any case,
/// list positions as in "servers[0].url". The last of equal flags wins, but lists grow. `kind_of` tells what
/// a dotted key takes. Problems go to `out`, each at "flag --a.b".
[[nodiscard]] Node read_flags(std::span<const std::string> args,
                              const std::function<FlagKind(std::string_view)>& kind_of,
                              base::Diagnostics& out);

}  // namespace limpet::config
