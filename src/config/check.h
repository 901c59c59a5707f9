#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"

namespace limpet::config {

/// What `limpet check` finds in files, short of what only a snapshot shows.
struct Checked {
  base::Diagnostics problems;
  std::optional<Static> settings;  ///< of the last static file, complete
  Dynamic dynamic;                 ///< of all dynamic files together
};

/// Checks static and dynamic configuration files, and directories of dynamic ones, without starting anything.
/// A document with one of the keys http, tcp, udp or tls at its top is dynamic. Rules, references and
/// middlewares' settings are for the caller: build a snapshot of `dynamic` and add its reports. `lenient`
/// holds for static files that do not give compat.lenient, and for all dynamic ones.
[[nodiscard]] Checked check_files(std::span<const std::string> paths, bool lenient);

}  // namespace limpet::config
