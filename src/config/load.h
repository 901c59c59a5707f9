#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "config/model/static.h"
#include "config/node.h"

namespace limpet::config {

/// What the caller of load_static() knows.
struct LoadOptions {
  /// Whether unknown and unsupported keys cost a warning where `compat.lenient` is not given. It is on by
  /// itself if the file is called traefik.*, or a TRAEFIK_ variable is set.
  bool lenient_default = false;
  /// Where limpet.{yml,yaml,toml} and then traefik.{yml,yaml,toml} are looked for, instead of the usual
  /// places: the working directory, $XDG_CONFIG_HOME, $HOME/.config, /etc/limpet, /etc/traefik.
  std::optional<std::vector<std::string>> directories;
};

/// A static configuration that is ready for use.
struct Loaded {
  Static settings;             ///< complete (see effective.h); compat_lenient says which mode was in force
  base::Diagnostics warnings;  ///< warnings only
  std::vector<std::string> files;  ///< that were read
};

/// Reads the static configuration from flags, environment ("NAME=value" each) and file, in this precedence:
/// key by key, flags win over the environment, and that over the file. The file is the one of `--configFile`
/// (or LIMPET_CONFIGFILE, TRAEFIK_CONFIGFILE), else the first one found. Fails with everything that is wrong.
/// Blocks on files.
[[nodiscard]] std::expected<Loaded, base::Diagnostics> load_static(std::span<const std::string> args,
                                                                   std::span<const std::string> environment,
                                                                   const LoadOptions& options = {});

/// The settings and warnings of one static document, for checking. Problems go to `out`.
[[nodiscard]] Static read_static(const Node& tree, bool lenient, base::Diagnostics& out);

}  // namespace limpet::config
