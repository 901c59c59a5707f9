#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::base {

/// ASCII lower case of one character; bytes above 127 are unchanged.
[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// ASCII lower case.
[[nodiscard]] std::string to_lower(std::string_view text);

/// Equal but for the case of ASCII letters.
[[nodiscard]] constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// Without spaces and tabs (and line ends) at both ends.
[[nodiscard]] constexpr std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// The parts between separators, each trimmed; empty parts are left out.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view text, char separator);

/// The candidate closest to `word` by edit distance (case ignored), if one is near enough to be a slip of the
/// pen: at most a third of its length, at least two edits allowed.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      const std::vector<std::string_view>& candidates);

/// Equal, compared in a time that depends only on the lengths. For secrets.
[[nodiscard]] bool equals_constant_time(std::string_view a, std::string_view b) noexcept;

/// Appends `text` with control characters (and DEL) as \n, \r, \t or \xNN and a backslash as \\, so that it
/// stays on one line and can be read back.
void append_escaped(std::string& out, std::string_view text);

/// Base64 (RFC 4648, section 4) with padding.
[[nodiscard]] std::string base64_encode(std::string_view bytes);
/// Reads base64 with padding; nothing if the text is not base64.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace limpet::base
