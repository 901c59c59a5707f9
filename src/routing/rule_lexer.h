#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/units.h"

namespace limpet::routing {

enum class TokenKind : std::uint8_t { kName, kText, kOpen, kClose, kComma, kAnd, kOr, kNot, kEnd };

/// One word of a rule.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t offset = 0;  ///< of its first byte
  std::string text;        ///< a name as written; a text without its quotes, escapes resolved

  /// What to call it in a message: `)`, `"Host"`, `the end of the rule`.
  [[nodiscard]] std::string described() const;
};

/// Splits a rule into words: names, texts in back-ticks (as they are, carriage returns dropped) or double
/// quotes (Go's escapes), operators, parentheses and commas. Blanks and line ends separate. The text must
/// outlive the lexer.
class RuleLexer {
 public:
  explicit RuleLexer(std::string_view text) : text_(text) {}
  /// The next word, kEnd at the end and ever after. Fails at a character that begins none, and in a broken
  /// text.
  [[nodiscard]] std::expected<Token, base::ParseError> next();

 private:
  [[nodiscard]] std::expected<Token, base::ParseError> raw_text();
  [[nodiscard]] std::expected<Token, base::ParseError> quoted_text();
  [[nodiscard]] std::expected<void, base::ParseError> escape(std::string& out);
  [[nodiscard]] std::expected<std::uint32_t, base::ParseError> digits(std::size_t count, std::uint32_t base);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace limpet::routing
