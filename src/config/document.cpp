#include "config/document.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/readers/toml.h"
#include "config/readers/yaml.h"
#include "net/fd.h"

namespace limpet::config {
namespace {

constexpr std::size_t kMaxFile = 64U << 20U;

bool ends_with(std::string_view name, std::string_view ending) {
  return name.size() > ending.size() && base::iequals(name.substr(name.size() - ending.size()), ending);
}

std::unexpected<base::Diagnostics> failed(const std::string& path, std::string message) {
  base::Diagnostics out;
  out.error({.source = path}, "", std::move(message));
  return std::unexpected(std::move(out));
}

/// Where Go's template syntax starts, outside of comments.
std::optional<base::SourcePlace> template_place(std::string_view text, const std::string& path) {
  std::uint32_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    ++line;
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view row = text.substr(begin, end - begin);
    const std::size_t braces = row.find("{{");
    const std::size_t comment = row.starts_with('#') ? 0 : row.find(" #");
    if (braces != std::string_view::npos && braces < comment) {
      return base::SourcePlace{
          .source = path, .line = line, .column = static_cast<std::uint32_t>(braces) + 1};
    }
    begin = end + 1;
  }
  return std::nullopt;
}

}  // namespace

bool is_document_name(std::string_view name) {
  return ends_with(name, ".yml") || ends_with(name, ".yaml") || ends_with(name, ".toml");
}

std::expected<std::string, base::Diagnostics> read_file(const std::string& path) {
  const net::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return failed(path, fmt::format("cannot be read: {}", strerrordesc_np(errno)));
  }
  if (!S_ISREG(status.st_mode)) return failed(path, "cannot be read: not a file");
  std::string text;
  std::array<char, 64 * 1024> chunk{};
  while (true) {
    const ::ssize_t count = ::read(file.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(path, fmt::format("cannot be read: {}", strerrordesc_np(errno)));
    if (count == 0) return text;
    text.append(chunk.data(), static_cast<std::size_t>(count));
    if (text.size() > kMaxFile) return failed(path, "larger than 64 MiB");
  }
}

std::expected<Node, base::Diagnostics> parse_document(std::string_view text, const std::string& path) {
  if (ends_with(path, ".toml")) return read_toml(text, path);
  if (is_document_name(path)) return read_yaml(text, path);
  return failed(path, "expected a file name that ends with .yml, .yaml or .toml");
}

std::expected<Node, base::Diagnostics> parse_dynamic_document(std::string_view text,
                                                              const std::string& path) {
  if (const auto place = template_place(text, path)) {
    base::Diagnostics out;
    out.error(*place, "", "Go template syntax {{ }} is not supported: write the values out");
    return std::unexpected(std::move(out));
  }
  return parse_document(text, path);
}

base::Diagnostics in_reading_order(const base::Diagnostics& diagnostics) {
  const std::vector<base::Diagnostic>& items = diagnostics.items();
  std::map<std::string_view, std::size_t> sources;
  std::vector<std::size_t> order;
  for (const base::Diagnostic& item : items) {
    sources.try_emplace(item.place.source, sources.size());
    order.push_back(order.size());
  }
  std::ranges::sort(order, {}, [&](std::size_t i) {
    const base::SourcePlace& place = items[i].place;
    return std::tuple{sources.at(place.source), place.line, place.column, i};
  });
  base::Diagnostics sorted;
  for (const std::size_t i : order) sorted.add(items[i]);
  return sorted;
}

}  // namespace limpet::config
