#pragma once

#include <array>
#include <cstdint>
#include <string_view>

/// The character classes of HTTP (RFC 9110, section 5.6; RFC 9112, section 3).
namespace limpet::http {

namespace detail {

enum CharClass : std::uint8_t {
  kToken = 1,     ///< RFC 9110 tchar
  kTarget = 2,    ///< visible ASCII but '#': what a request target may hold
  kHostChar = 4,  ///< letters, digits, "-._~": what a host name may hold
  kDigit = 8,
  kHexDigit = 16,
};

constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  const auto add = [&table](std::string_view characters, unsigned bits) {
    for (const char c : characters) {
      std::uint8_t& entry = table[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bits);
    }
  };
  for (std::size_t c = 0x21; c < 0x7f; ++c) table[c] = c == '#' ? 0 : kTarget;
  add("0123456789", kToken | kHostChar | kDigit | kHexDigit);
  add("abcdefABCDEF", kToken | kHostChar | kHexDigit);
  add("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ", kToken | kHostChar);
  add("!#$%&'*+-.^_`|~", kToken);
  add("-._~", kHostChar);
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kCharClasses = make_char_classes();

[[nodiscard]] constexpr bool is_class(char c, CharClass bits) noexcept {
  return (kCharClasses[static_cast<unsigned char>(c)] & bits) != 0;
}

}  // namespace detail

/// Whether a character may stand in a token: a method, a field name, a cookie's name.
[[nodiscard]] constexpr bool is_token_char(char c) noexcept {
  return detail::is_class(c, detail::kToken);
}

/// Whether a character is a space or a tab.
[[nodiscard]] constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

/// The value of a hex digit, or -1.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Whether a text is a token (RFC 9110, section 5.6.2): a field name must be one.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Whether a text may be a field's value: no control characters but tabs (RFC 9110, section 5.5). Blanks at
/// the ends are allowed; bytes above 127 too.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

/// Whether a text is a host with an optional port as a Host field may name it: a name of letters, digits and
/// "-._~", or an IPv6 address in brackets; the port from 1 to 65535.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

/// The first control character other than a tab in [begin, end), or `end`.
[[nodiscard]] const char* find_control(const char* begin, const char* end) noexcept;

/// The host of an authority without its port; the brackets of an IPv6 address stay.
[[nodiscard]] std::string_view host_without_port(std::string_view authority) noexcept;
/// The port of an authority as written, or an empty text.
[[nodiscard]] std::string_view port_of(std::string_view authority) noexcept;

/// Takes the next element off a comma-separated list, without blanks around it. Empty elements come out as
/// empty texts. Call while `list` is not null: the view's data() becomes nullptr after the last one.
[[nodiscard]] std::string_view next_list_element(std::string_view& list) noexcept;

/// Without spaces and tabs at both ends (RFC 9110's OWS).
[[nodiscard]] std::string_view trim_blanks(std::string_view text) noexcept;

}  // namespace limpet::http
