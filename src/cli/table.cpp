#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace limpet::cli {
namespace {

/// Characters of a UTF-8 text.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

}  // namespace

void Table::add(const std::vector<std::string>& cells) {
  LIMPET_CHECK(cells.size() == columns_.size());
  std::vector<std::string> row;
  for (const std::string& cell : cells) base::append_escaped(row.emplace_back(), cell);
  rows_.push_back(std::move(row));
}

std::string Table::text(std::size_t indent) const {
  std::vector<std::vector<std::string>> lines;
  if (std::ranges::any_of(columns_, [](const Column& column) { return !column.title.empty(); })) {
    std::vector<std::string>& titles = lines.emplace_back();
    for (const Column& column : columns_) titles.emplace_back(column.title);
  }
  lines.insert(lines.end(), rows_.begin(), rows_.end());

  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
  }

  std::string out;
  for (const auto& line : lines) {
    std::string shown(indent, ' ');
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::size_t blanks = widths[i] - width_of(line[i]);
      if (i != 0) shown += "  ";
      if (columns_[i].align == Align::kRight) shown.append(blanks, ' ');
      shown += line[i];
      if (columns_[i].align == Align::kLeft) shown.append(blanks, ' ');
    }
    shown.erase(shown.find_last_not_of(' ') + 1);
    out += shown + "\n";
  }
  return out;
}

}  // namespace limpet::cli
