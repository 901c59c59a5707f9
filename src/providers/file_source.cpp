#include "providers/file_source.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/dynamic_files.h"

namespace limpet::providers {

/// What is there: the files, or why they cannot be listed.
struct FileSource::Content {
  base::Diagnostics problems;
  std::vector<config::FileText> files;
  std::string digest;
};

FileSource::Content FileSource::load() const {
  Content content;
  if (settings_.directory.empty()) {
    content.files = config::read_files({settings_.filename});
  } else if (auto paths = config::find_dynamic_files(settings_.directory)) {
    content.files = config::read_files(*paths);
  } else {
    content.problems = std::move(paths.error());
  }
  std::string all = content.problems.text();
  for (const config::FileText& file : content.files) {
    const std::string text = file.text ? *file.text : file.text.error().text();
    all += fmt::format("{}\n{} {}\n", file.path, file.text.has_value(), text.size()) + text;
  }
  content.digest = base::sha256_hex(all);
  return content;
}

std::expected<FileSource::Reading, base::Diagnostics> FileSource::bind(const Content& content) const {
  base::Diagnostics problems = content.problems;
  config::Dynamic configuration = config::read_dynamic(content.files, {.lenient = lenient_}, problems);
  if (problems.has_errors()) return std::unexpected(std::move(problems));
  return Reading{.configuration = std::move(configuration), .warnings = std::move(problems)};
}

std::expected<std::optional<FileSource::Reading>, base::Diagnostics> FileSource::read_if_changed() {
  Content content = load();
  if (content.digest == digest_) return std::nullopt;
  digest_ = std::move(content.digest);
  auto reading = bind(content);
  if (!reading) return std::unexpected(std::move(reading.error()));
  return std::optional(std::move(*reading));
}

std::expected<FileSource::Reading, base::Diagnostics> FileSource::read() {
  Content content = load();
  digest_ = std::move(content.digest);
  return bind(content);
}

}  // namespace limpet::providers
