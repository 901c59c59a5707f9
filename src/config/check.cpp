#include "config/check.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/dynamic_files.h"
#include "config/load.h"
#include "config/node.h"

namespace limpet::config {
namespace {

bool is_dynamic(const Node& node) {
  constexpr std::array<std::string_view, 4> kKeys{"http", "tcp", "udp", "tls"};
  return std::ranges::any_of(kKeys, [&](std::string_view key) { return node.find(key) != nullptr; });
}

void check_file(const std::string& path, bool lenient, Checked& out) {
  const auto text = read_file(path);
  if (!text) {
    out.problems.add_all(text.error());
    return;
  }
  const auto node = parse_document(*text, path);
  if (!node || is_dynamic(*node)) {
    const std::array files{FileText{.path = path, .text = *text}};
    base::Diagnostics problems;
    add_dynamic(out.dynamic, read_dynamic(files, {.lenient = lenient}, problems), {.lenient = lenient},
                problems);
    out.problems.add_all(problems);
    return;
  }
  base::Diagnostics problems;
  const Node* given = node->find_path("compat.lenient");
  out.settings = read_static(*node, given == nullptr ? lenient : given->says(true), problems);
  out.problems.add_all(in_reading_order(problems));
}

}  // namespace

Checked check_files(std::span<const std::string> paths, bool lenient) {
  Checked out;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      check_file(path, lenient, out);
      continue;
    }
    const auto files = find_dynamic_files(path);
    if (!files) {
      out.problems.add_all(files.error());
      continue;
    }
    for (const std::string& file : *files) check_file(file, lenient, out);
  }
  return out;
}

}  // namespace limpet::config
