#include "routing/rule_lexer.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace limpet::routing {
namespace {

constexpr std::string_view kBlank = " \t\r\n";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<std::uint32_t> digit_value(char c) {
  if (is_digit(c)) return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

std::unexpected<base::ParseError> error(std::size_t offset, std::string expected) {
  return std::unexpected(base::ParseError{offset, std::move(expected)});
}

}  // namespace

std::string Token::described() const {
  switch (kind) {
    case TokenKind::kName:
      return fmt::format("\"{}\"", text);
    case TokenKind::kText:
      return "a text";
    case TokenKind::kOpen:
      return "(";
    case TokenKind::kClose:
      return ")";
    case TokenKind::kComma:
      return ",";
    case TokenKind::kAnd:
      return "&&";
    case TokenKind::kOr:
      return "||";
    case TokenKind::kNot:
      return "!";
    case TokenKind::kEnd:
      break;
  }
  return "the end of the rule";
}

std::expected<Token, base::ParseError> RuleLexer::next() {
  at_ = std::min(text_.find_first_not_of(kBlank, at_), text_.size());
  if (at_ == text_.size()) return Token{TokenKind::kEnd, at_, {}};

  const std::size_t start = at_;
  const char c = text_[at_];
  const auto single = [&](TokenKind kind) {
    ++at_;
    return Token{kind, start, {}};
  };
  switch (c) {
    case '(':
      return single(TokenKind::kOpen);
    case ')':
      return single(TokenKind::kClose);
    case ',':
      return single(TokenKind::kComma);
    case '!':
      return single(TokenKind::kNot);
    case '`':
      return raw_text();
    case '"':
      return quoted_text();
    case '\'':
      return error(start, "a value in back-ticks or double quotes, not in single quotes");
    case '&':
    case '|':
      if (at_ + 1 >= text_.size() || text_[at_ + 1] != c) {
        return error(start, fmt::format("\"{0}{0}\", not a single \"{0}\"", c));
      }
      at_ += 2;
      return Token{c == '&' ? TokenKind::kAnd : TokenKind::kOr, start, {}};
    default:
      break;
  }
  if (is_letter(c)) {
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    if (at_ < text_.size() && text_[at_] == ':') {
      const std::string_view name = text_.substr(start, at_ - start);
      return error(at_, fmt::format("\"(\"; \"{0}:\" is Traefik v1's form, write {0}(`value`)", name));
    }
    return Token{TokenKind::kName, start, std::string(text_.substr(start, at_ - start))};
  }
  return error(start, "a matcher, a value in back-ticks or double quotes, &&, ||, !, \"(\" or \")\"");
}

std::expected<Token, base::ParseError> RuleLexer::raw_text() {
  const std::size_t start = at_;
  const std::size_t end = text_.find('`', start + 1);
  if (end == std::string_view::npos) return error(start, "a back-tick that closes the one here");
  Token token{TokenKind::kText, start, std::string(text_.substr(start + 1, end - start - 1))};
  std::erase(token.text, '\r');
  at_ = end + 1;
  return token;
}

std::expected<Token, base::ParseError> RuleLexer::quoted_text() {
  Token token{TokenKind::kText, at_, {}};
  ++at_;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
    if (text_[at_] != '\\') {
      token.text.push_back(text_[at_++]);
    } else if (auto done = escape(token.text); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  if (at_ == text_.size() || text_[at_] == '\n') {
    return error(token.offset, "a double quote that closes the one here, on the same line");
  }
  ++at_;
  return token;
}

std::expected<void, base::ParseError> RuleLexer::escape(std::string& out) {
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\\"";
  const std::size_t start = at_++;
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (const std::size_t letter = kLetters.find(c); letter != std::string_view::npos) {
    out.push_back(kValues[letter]);
    ++at_;
    return {};
  }
  std::size_t count = 0;
  std::uint32_t base = 16;
  if (c == 'x') count = 2;
  if (c == 'u') count = 4;
  if (c == 'U') count = 8;
  if (c >= '0' && c <= '7') {
    count = 3;
    base = 8;
  }
  if (count == 0) {
    return error(start, R"(one of the escapes \\ \" \a \b \f \n \r \t \v \xHH \ooo \uHHHH \UHHHHHHHH)");
  }
  if (base == 16) ++at_;
  const auto value = digits(count, base);
  if (!value) return std::unexpected(value.error());
  if (count == 2 || count == 3) {
    if (*value > 0xFF) return error(start, "an octal escape of at most \\377");
    out.push_back(static_cast<char>(*value));
    return {};
  }
  if (*value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF)) {
    return error(start, "the escape of a Unicode character, U+0000 to U+10FFFF without surrogates");
  }
  append_utf8(out, *value);
  return {};
}

std::expected<std::uint32_t, base::ParseError> RuleLexer::digits(std::size_t count, std::uint32_t base) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i, ++at_) {
    const auto digit = at_ < text_.size() ? digit_value(text_[at_]) : std::nullopt;
    if (!digit || *digit >= base) {
      return error(at_,
                   fmt::format("{} {} digits in the escape", count, base == 8 ? "octal" : "hexadecimal"));
    }
    value = value * base + *digit;
  }
  return value;
}

}  // namespace limpet::routing
