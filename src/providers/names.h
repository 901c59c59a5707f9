#pragma once

#include <string>
#include <string_view>

namespace limpet::providers {

/// Traefik's form of a name from outside: runs of characters other than letters and digits become one '-',
/// none stays at the ends ("node app_1" is "node-app-1"). Bytes above 127 count as letters.
[[nodiscard]] std::string normalize(std::string_view name);

}  // namespace limpet::providers
