#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "http/syntax.h"
#include "routing/rule.h"

namespace limpet::routing {
namespace {

/// The byte that the escape at `at` stands for, if it is well-formed.
std::optional<unsigned char> escaped_byte(std::string_view path, std::size_t at) {
  if (path[at] != '%' || at + 2 >= path.size()) return std::nullopt;
  const int high = http::hex_value(path[at + 1]);
  const int low = http::hex_value(path[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

bool is_reserved(char c) {
  constexpr std::string_view kReserved = ":/?#[]@!$&'()*+,;=%";
  return kReserved.find(c) != std::string_view::npos;
}

bool is_port(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string_view canonical_host(std::string_view host, std::string& scratch) {
  if (host.starts_with('[')) {
    host = host.substr(1, std::min(host.find(']'), host.size()) - 1);
  } else if (const std::size_t colon = host.find(':');
             colon != std::string_view::npos && is_port(host.substr(colon + 1))) {
    host = host.substr(0, colon);
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  if (std::ranges::none_of(host, [](char c) { return c >= 'A' && c <= 'Z'; })) return host;
  scratch.resize(host.size());
  std::ranges::transform(host, scratch.begin(), [](char c) { return base::to_lower(c); });
  return scratch;
}

std::string_view routing_path(std::string_view path, std::string& scratch) {
  if (path.find('%') == std::string_view::npos) return path;
  scratch.clear();
  for (std::size_t at = 0; at < path.size(); ++at) {
    const auto byte = escaped_byte(path, at);
    if (!byte) {
      scratch.push_back(path[at]);
      continue;
    }
    if (const char decoded = static_cast<char>(*byte); is_reserved(decoded)) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      scratch.push_back('%');
      scratch.push_back(kHex[*byte >> 4U]);
      scratch.push_back(kHex[*byte & 0xFU]);
    } else {
      scratch.push_back(decoded);
    }
    at += 2;
  }
  return scratch;
}

}  // namespace limpet::routing
