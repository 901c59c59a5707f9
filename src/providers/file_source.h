#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "base/diagnostics.h"
#include "config/model/dynamic.h"
#include "config/model/static.h"

namespace limpet::providers {

/// A dynamic configuration in one file or in the files of a directory. Reads when asked to; blocks on files.
/// One thread.
class FileSource {
 public:
  struct Reading {
    config::Dynamic configuration;
    base::Diagnostics warnings;
  };

  FileSource(config::FileProvider settings, bool lenient)
      : settings_(std::move(settings)), lenient_(lenient) {}

  [[nodiscard]] const config::FileProvider& settings() const noexcept { return settings_; }

  /// The configuration, all of it; or nothing if no file has changed since the last call. Fails with
  /// everything that is wrong, once for the same content.
  [[nodiscard]] std::expected<std::optional<Reading>, base::Diagnostics> read_if_changed();
  /// The same, changed or not.
  [[nodiscard]] std::expected<Reading, base::Diagnostics> read();

 private:
  struct Content;
  [[nodiscard]] Content load() const;
  [[nodiscard]] std::expected<Reading, base::Diagnostics> bind(const Content& content) const;

  config::FileProvider settings_;
  bool lenient_;
  std::string digest_;  // of what was read last
};

}  // namespace limpet::providers
