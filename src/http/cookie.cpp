#include "http/cookie.h"

#include "base/check.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

std::string_view without_quotes(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    return value.substr(1, value.size() - 2);
  return value;
}

bool is_cookie_octet(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != ';' && c != '\\';
}

bool is_attribute_octet(char c) {
  return c >= 0x20 && c < 0x7f && c != ';';
}

template <class Allowed>
void append_allowed(std::string& out, std::string_view text, Allowed allowed) {
  for (const char c : text) {
    if (allowed(c)) out += c;
  }
}

void append_value(std::string& out, std::string_view value) {
  const bool quoted = value.find_first_of(" ,") != std::string_view::npos;
  if (quoted) out += '"';
  append_allowed(out, value, is_cookie_octet);
  if (quoted) out += '"';
}

// The bytes that a UTF-8 sequence beginning with `lead` takes; 1 for a byte that begins none.
std::size_t sequence_size(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  if (byte >= 0xc2 && byte <= 0xdf) return 2;
  if (byte >= 0xe0 && byte <= 0xef) return 3;
  if (byte >= 0xf0 && byte <= 0xf4) return 4;
  return 1;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

// The size of the character that `text` begins with; a malformed sequence counts byte by byte.
std::size_t character_size(std::string_view text) {
  const std::size_t size = sequence_size(text.front());
  if (size > text.size()) return 1;
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return 1;
  }
  return size;
}

}  // namespace

std::optional<std::string_view> find_cookie(std::string_view cookie_field, std::string_view name) noexcept {
  while (!cookie_field.empty()) {
    const std::size_t end = cookie_field.find(';');
    const std::string_view pair = trim_blanks(cookie_field.substr(0, end));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && trim_blanks(pair.substr(0, equals)) == name) {
      return without_quotes(trim_blanks(pair.substr(equals + 1)));
    }
    if (end == std::string_view::npos) break;
    cookie_field.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<std::string_view> find_query(std::string_view query, std::string_view name) noexcept {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!pair.empty() && pair.substr(0, equals) == name) {
      return equals == std::string_view::npos ? pair.substr(pair.size()) : pair.substr(equals + 1);
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += c == '+' && plus_is_space ? ' ' : c;
    }
  }
  return out;
}

std::string format_set_cookie(const SetCookie& cookie) {
  LIMPET_CHECK(is_token(cookie.name));
  std::string out;
  out.reserve(128);
  out.append(cookie.name).append("=");
  append_value(out, cookie.value);
  if (!cookie.path.empty()) {
    out += "; Path=";
    append_allowed(out, cookie.path, is_attribute_octet);
  }
  if (!cookie.domain.empty()) {
    out += "; Domain=";
    append_allowed(out, cookie.domain.substr(cookie.domain.front() == '.' ? 1 : 0), is_attribute_octet);
  }
  if (cookie.max_age != 0) out += "; Max-Age=" + std::to_string(cookie.max_age > 0 ? cookie.max_age : 0);
  if (cookie.http_only) out += "; HttpOnly";
  if (cookie.secure) out += "; Secure";
  if (!cookie.same_site.empty()) out.append("; SameSite=").append(cookie.same_site);
  if (cookie.partitioned) out += "; Partitioned";
  return out;
}

std::string sanitise_cookie_name(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const bool kept = is_token_char(text.front());
    out += kept ? text.front() : '_';
    text.remove_prefix(kept ? 1 : character_size(text));
  }
  return out;
}

}  // namespace limpet::http
