#include "base/json_text.h"

#include <cstddef>
#include <cstdint>

namespace limpet::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

constexpr bool in_range(char c, unsigned low, unsigned high) noexcept {
  const unsigned byte = static_cast<unsigned char>(c);
  return byte >= low && byte <= high;
}

/// The length of the well-formed UTF-8 sequence of two to four bytes that `text` starts with (RFC 3629,
/// section 4); 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const unsigned lead = static_cast<unsigned char>(text[0]);
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  }
  if (length == 0 || text.size() < length || !in_range(text[1], low, high)) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (!in_range(text[i], 0x80, 0xbf)) return 0;
  }
  return length;
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHexDigits[byte >> 4U];
  out += kHexDigits[byte & 0x0fU];
}

constexpr bool is_plain(char c) noexcept {
  return in_range(c, 0x20, 0x7e) && c != '"' && c != '\\';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    std::size_t taken = 0;
    while (taken < text.size() && is_plain(text[taken])) ++taken;
    out += text.substr(0, taken);
    text.remove_prefix(taken);
    if (text.empty()) break;

    if (in_range(text[0], 0, 0x7f)) {
      append_escape(out, text[0]);
      text.remove_prefix(1);
    } else if (const std::size_t length = sequence_length(text); length != 0) {
      out += text.substr(0, length);
      text.remove_prefix(length);
    } else {
      out += kReplacement;
      text.remove_prefix(1);
    }
  }
  out += '"';
}

}  // namespace limpet::base
