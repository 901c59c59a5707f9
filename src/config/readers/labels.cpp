#include "config/readers/labels.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace limpet::config {

Node read_labels(std::span<const std::pair<std::string, std::string>> labels, std::string_view root,
                 const std::string& source, base::Diagnostics& out) {
  std::vector<std::pair<std::string_view, std::string_view>> sorted;
  for (const auto& [key, value] : labels) {
    const std::string_view name = base::trim(key);
    const bool is_ours = name.size() > root.size() + 1 && name[root.size()] == '.' &&
                         base::iequals(name.substr(0, root.size()), root);
    if (is_ours) sorted.emplace_back(name.substr(root.size() + 1), value);
  }
  std::ranges::sort(sorted);
  FlatTree tree;
  for (const auto& [path, value] : sorted) tree.add(path, value, {.source = source}, out);
  return tree.finish();
}

}  // namespace limpet::config
