#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limpet::cli {

/// A table of texts for people: columns as wide as their widest cell, two blanks apart. Control characters
/// are shown escaped, since cells hold what strangers wrote.
class Table {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  struct Column {
    std::string_view title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Adds a row with as many cells as there are columns.
  void add(const std::vector<std::string>& cells);
  /// The titles (unless all are empty) and the rows, a line each, `indent` blanks before each, none at the
  /// end.
  [[nodiscard]] std::string text(std::size_t indent = 0) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace limpet::cli
