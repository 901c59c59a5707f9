#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "base/units.h"

namespace limpet::providers {

/// A place in a text that is read from left to right: what the parsers of this room's small languages are
/// made of.
class TextCursor {
 protected:
  explicit TextCursor(std::string_view text) noexcept : text_(text) {}
  ~TextCursor() = default;

  [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }
  void skip_blanks() noexcept {
    while (!at_end() && base::trim(text_.substr(at_, 1)).empty()) ++at_;
  }
  /// Reads a symbol, with blanks before it, if it is what comes next.
  [[nodiscard]] bool accept(std::string_view symbol) noexcept {
    skip_blanks();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  /// Reads a Go string: raw in backticks, or in double quotes with \" and \\. False, and stays where it is,
  /// if none comes next or it has no end.
  [[nodiscard]] bool quoted(std::string& out) {
    if (at_end() || (text_[at_] != '`' && text_[at_] != '"')) return false;
    const char quote = text_[at_];
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      if (quote == '"' && text_[i] == '\\' && i + 1 < text_.size()) ++i;
      out += text_[i];
    }
    if (i == text_.size()) return false;
    at_ = i + 1;
    return true;
  }
  /// Something else was expected here.
  [[nodiscard]] std::unexpected<base::ParseError> fail(std::string expected) const {
    return std::unexpected(base::ParseError{.offset = at_, .expected = std::move(expected)});
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace limpet::providers
