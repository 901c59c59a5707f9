#include "routing/regex_prefix.h"

#include <cstddef>

namespace limpet::routing {
namespace {

constexpr std::string_view kMeta = R"(\.+*?()|[]{}^$)";

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

/// Whether a `|` stands outside of all parentheses, or might.
bool has_outer_alternative(std::string_view pattern) {
  if (pattern.find("\\Q") != std::string_view::npos || pattern.find("[:") != std::string_view::npos)
    return true;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    switch (pattern[i]) {
      case '\\':
        ++i;
        break;
      case '(':
        ++depth;
        break;
      case ')':
        --depth;
        break;
      case '|':
        if (depth == 0) return true;
        break;
      case '[':
        ++i;
        if (i < pattern.size() && pattern[i] == '^') ++i;
        if (i < pattern.size() && pattern[i] == ']') ++i;  // in first place it is a member
        for (; i < pattern.size() && pattern[i] != ']'; ++i) {
          if (pattern[i] == '\\') ++i;
        }
        break;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

std::string anchored_literal(std::string_view pattern) {
  std::string literal;
  if (!pattern.starts_with('^') || has_outer_alternative(pattern)) return literal;
  std::size_t at = 1;
  while (at < pattern.size()) {
    std::size_t length = 1;
    char c = pattern[at];
    if (c == '\\') {
      if (at + 1 == pattern.size() || is_word(pattern[at + 1])) break;
      c = pattern[at + 1];
      length = 2;
    } else if (kMeta.find(c) != std::string_view::npos) {
      break;
    }
    if (!is_ascii(c)) break;
    literal.push_back(c);
    at += length;
  }
  constexpr std::string_view kRepeats = "*+?{";
  if (at < pattern.size() && kRepeats.find(pattern[at]) != std::string_view::npos && !literal.empty()) {
    literal.pop_back();
  }
  return literal;
}

}  // namespace limpet::routing
