#pragma once

#include <expected>
#include <span>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "config/bind.h"
#include "config/model/dynamic.h"

namespace limpet::config {

/// A file that has been read, or could not be.
struct FileText {
  std::string path;
  std::expected<std::string, base::Diagnostics> text;
};

/// The dynamic configuration files of a directory and its subdirectories, sorted by path: .yml, .yaml and
/// .toml. Passed over: names that start with a dot (editors' files, and the directories that Kubernetes'
/// `..data` leads to) and links to directories. Blocks. Fails if the directory cannot be read, or holds more
/// than 10,000 files or 16 levels.
[[nodiscard]] std::expected<std::vector<std::string>, base::Diagnostics> find_dynamic_files(
    const std::string& directory);

/// Reads the files; blocks.
[[nodiscard]] std::vector<FileText> read_files(const std::vector<std::string>& paths);

/// Puts the files together into one configuration. A name that two files define is an error, in lenient mode
/// a warning, and the first file counts, as in Traefik. All problems of all files go to `out`.
[[nodiscard]] Dynamic read_dynamic(std::span<const FileText> files, const BindOptions& options,
                                   base::Diagnostics& out);

/// Adds one configuration to another; the same about names that both have.
void add_dynamic(Dynamic& all, Dynamic more, const BindOptions& options, base::Diagnostics& out);

}  // namespace limpet::config
