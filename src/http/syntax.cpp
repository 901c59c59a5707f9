#include "http/syntax.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "net/address.h"

namespace limpet::http {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x8080808080808080U;
constexpr std::size_t kMaxHostName = 255;

constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned port = 0;
  for (const char c : text) {
    if (!detail::is_class(c, detail::kDigit)) return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port >= 1 && port <= 65535;
}

bool is_bracketed_ip(std::string_view text) {
  text = text.substr(1, text.size() - 2);
  return text.find(':') != std::string_view::npos && net::IpAddress::parse(text).has_value();
}

}  // namespace

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return is_token_char(c); });
}

bool is_field_value(std::string_view text) noexcept {
  const char* end = text.data() + text.size();
  return find_control(text.data(), end) == end;
}

const char* find_control(const char* begin, const char* end) noexcept {
  static_assert(std::endian::native == std::endian::little, "the first hit is looked for in the low bytes");
  while (end - begin >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, begin, sizeof(word));
    const std::uint64_t is_delete = word ^ (kOnes * 0x7f);
    const std::uint64_t hits =
        (((word - kOnes * 0x20) & ~word) | ((is_delete - kOnes) & ~is_delete)) & kHighs;
    if (hits == 0) {
      begin += 8;
      continue;
    }
    begin += std::countr_zero(hits) / 8;
    if (*begin != '\t') return begin;
    ++begin;
  }
  while (begin != end && !is_control(*begin)) ++begin;
  return begin;
}

std::string_view host_without_port(std::string_view authority) noexcept {
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    return close == std::string_view::npos ? authority : authority.substr(0, close + 1);
  }
  return authority.substr(0, authority.find(':'));
}

std::string_view port_of(std::string_view authority) noexcept {
  const std::size_t host = host_without_port(authority).size();
  return host < authority.size() ? authority.substr(host + 1) : std::string_view{};
}

bool is_authority(std::string_view text) noexcept {
  if (text.empty()) return false;
  std::string_view host;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_bracketed_ip(text.substr(0, close + 1))) return false;
    host = text.substr(0, close + 1);
  } else {
    host = text.substr(0, text.find(':'));
    if (host.empty() || host.size() > kMaxHostName) return false;
    for (const char c : host) {
      if (!detail::is_class(c, detail::kHostChar)) return false;
    }
  }
  text.remove_prefix(host.size());
  return text.empty() || (text.front() == ':' && is_port(text.substr(1)));
}

std::string_view next_list_element(std::string_view& list) noexcept {
  const std::size_t comma = list.find(',');
  const std::string_view element = trim_blanks(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  return element;
}

std::string_view trim_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace limpet::http
