#include "config/dynamic_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/document.h"
#include "config/node.h"

namespace limpet::config {
namespace {

constexpr std::size_t kMaxFiles = 10'000;
constexpr int kMaxLevels = 16;

template <class T>
void add_objects(std::map<std::string, T>& all, std::map<std::string, T> more, std::string_view kind,
                 const BindOptions& options, base::Diagnostics& out) {
  for (auto& [name, object] : more) {
    const auto [first, is_new] = all.try_emplace(name, std::move(object));
    if (is_new) continue;
    std::string key = fmt::format("http.{}.{}", kind, name);
    std::string message = fmt::format("defined at {} already", first->second.place.text());
    if (options.lenient) {
      out.warning(object.place, std::move(key), message + ", ignored");
    } else {
      out.error(object.place, std::move(key), std::move(message));
    }
  }
}

}  // namespace

std::expected<std::vector<std::string>, base::Diagnostics> find_dynamic_files(const std::string& directory) {
  namespace fs = std::filesystem;
  const auto failed = [&](std::string message) {
    base::Diagnostics out;
    out.error({.source = directory}, "", std::move(message));
    return std::unexpected(std::move(out));
  };
  std::error_code error;
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unreadable;  // a file that vanishes meanwhile is passed over
    if (name.starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file(unreadable) && is_document_name(name)) {
      files.push_back(entry->path().string());
    }
    if (files.size() > kMaxFiles) return failed(fmt::format("holds more than {} files", kMaxFiles));
    if (entry.depth() >= kMaxLevels) return failed(fmt::format("holds more than {} levels", kMaxLevels));
  }
  if (error) return failed(fmt::format("cannot be read: {}", error.message()));
  std::ranges::sort(files);
  return files;
}

std::vector<FileText> read_files(const std::vector<std::string>& paths) {
  std::vector<FileText> files;
  files.reserve(paths.size());
  for (const std::string& path : paths) files.push_back({.path = path, .text = read_file(path)});
  return files;
}

Dynamic read_dynamic(std::span<const FileText> files, const BindOptions& options, base::Diagnostics& out) {
  Dynamic all;
  for (const FileText& file : files) {
    if (!file.text) {
      out.add_all(file.text.error());
      continue;
    }
    const auto node = parse_dynamic_document(*file.text, file.path);
    if (!node) {
      out.add_all(node.error());
      continue;
    }
    base::Diagnostics problems;
    add_dynamic(all, bind_dynamic(*node, options, problems), options, problems);
    out.add_all(in_reading_order(problems));
  }
  return all;
}

void add_dynamic(Dynamic& all, Dynamic more, const BindOptions& options, base::Diagnostics& out) {
  add_objects(all.routers, std::move(more.routers), "routers", options, out);
  add_objects(all.services, std::move(more.services), "services", options, out);
  add_objects(all.middlewares, std::move(more.middlewares), "middlewares", options, out);
}

}  // namespace limpet::config
