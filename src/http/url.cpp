#include "http/url.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/text.h"
#include "http/syntax.h"

namespace limpet::http {
namespace {

struct KnownScheme {
  std::string_view text;
  Scheme scheme;
  std::uint16_t port;
};

constexpr std::array kSchemes = {KnownScheme{"http", Scheme::kHttp, 80},
                                 KnownScheme{"https", Scheme::kHttps, 443},
                                 KnownScheme{"h2c", Scheme::kH2c, 80}};

constexpr std::string_view kSeparator = "://";

std::unexpected<base::ParseError> expected_at(std::size_t offset, std::string what) {
  return std::unexpected(base::ParseError{.offset = offset, .expected = std::move(what)});
}

std::optional<base::ParseError> check_host(std::string_view host, std::size_t offset) {
  if (host.empty()) return base::ParseError{offset, "a host name or address"};
  if (host.front() == '[') {
    if (is_authority(host)) return std::nullopt;
    return base::ParseError{offset, "an IPv6 address between the brackets"};
  }
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (!detail::is_class(host[i], detail::kHostChar)) {
      return base::ParseError{offset + i, "a letter, a digit or one of \"-._~\" in a host name"};
    }
  }
  if (!is_authority(host)) return base::ParseError{offset, "a host name of at most 255 characters"};
  return std::nullopt;
}

std::optional<base::ParseError> check_path(std::string_view path, std::size_t offset) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '?') return base::ParseError{offset + i, "no query in a server's URL"};
    if (c == '#') return base::ParseError{offset + i, "no fragment in a server's URL"};
    if (!detail::is_class(c, detail::kTarget)) {
      return base::ParseError{offset + i, "a visible ASCII character; others are written as %XX"};
    }
  }
  return std::nullopt;
}

constexpr bool is_unreserved(char c) {
  return detail::is_class(c, detail::kHostChar);
}

// What stays encoded in a routing path: RFC 3986's reserved characters, and '%'.
constexpr bool is_reserved(char c) {
  return std::string_view(":/?#[]@!$&'()*+,;=%").find(c) != std::string_view::npos;
}

std::optional<char> decode_at(std::string_view path, std::size_t at) {
  if (path.size() - at < 3) return std::nullopt;
  const int high = hex_value(path[at + 1]);
  const int low = hex_value(path[at + 2]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

constexpr char to_upper_hex(char c) {
  return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
}

enum class Escapes : std::uint8_t { kInOrder, kToChange, kMalformed };

Escapes look_at_escapes(std::string_view path) {
  Escapes found = Escapes::kInOrder;
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 3)) {
    const std::optional<char> decoded = decode_at(path, at);
    if (!decoded) return Escapes::kMalformed;
    const bool upper =
        to_upper_hex(path[at + 1]) == path[at + 1] && to_upper_hex(path[at + 2]) == path[at + 2];
    if (!upper || is_unreserved(*decoded)) found = Escapes::kToChange;
  }
  return found;
}

void append_normalised(std::string_view path, std::string& out) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      out += path[i];
      continue;
    }
    const std::optional<char> decoded = decode_at(path, i);
    if (decoded && is_unreserved(*decoded)) {
      out += *decoded;
    } else {
      out += '%';
      out += to_upper_hex(path[i + 1]);
      out += to_upper_hex(path[i + 2]);
    }
    i += 2;
  }
}

bool is_clean(std::string_view path) {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    std::string_view rest = path.substr(slash + 1);
    if (rest.starts_with('/')) return false;
    if (!rest.starts_with('.')) continue;
    rest.remove_prefix(rest.starts_with("..") ? 2 : 1);
    if (rest.empty() || rest.front() == '/') return false;
  }
  return true;
}

// Writes over what has been read: the clean path is never longer.
void clean_in_place(std::string& path) {
  const bool slash_at_end = path.back() == '/';
  std::size_t written = 0;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t start = at + 1;
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = std::string_view(path).substr(start, end - start);
    if (segment == "..") {
      while (written > 0 && path[--written] != '/') {
      }
    } else if (!segment.empty() && segment != ".") {
      std::memmove(path.data() + written, path.data() + at, segment.size() + 1);
      written += segment.size() + 1;
    }
    at = end;
  }
  if (written == 0 || slash_at_end) path[written++] = '/';
  path.resize(written);
}

std::optional<Encoded> disputed(char c) {
  switch (c) {
    case '/':
      return Encoded::kSlash;
    case '\\':
      return Encoded::kBackslash;
    case '\0':
      return Encoded::kNull;
    case ';':
      return Encoded::kSemicolon;
    case '%':
      return Encoded::kPercent;
    case '?':
      return Encoded::kQuestionMark;
    case '#':
      return Encoded::kHash;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string_view scheme_text(Scheme scheme) noexcept {
  for (const KnownScheme& known : kSchemes) {
    if (known.scheme == scheme) return known.text;
  }
  return {};
}

std::expected<ServerUrl, base::ParseError> parse_server_url(std::string_view text) {
  const std::size_t separator = text.find(kSeparator);
  if (separator == std::string_view::npos) return expected_at(0, "a URL such as http://10.0.0.1:8080");
  ServerUrl url;
  for (const KnownScheme& known : kSchemes) {
    if (!base::iequals(text.substr(0, separator), known.text)) continue;
    url.scheme = known.scheme;
    url.port = known.port;
  }
  if (url.port == 0) {
    const bool websocket = base::iequals(text.substr(0, 2), "ws");
    return expected_at(
        0, websocket ? "http:// or https://, which carry WebSockets too" : "http://, https:// or h2c://");
  }
  const std::size_t start = separator + kSeparator.size();
  const std::size_t end = std::min(text.find_first_of("/?#", start), text.size());
  const std::string_view authority = text.substr(start, end - start);
  if (const std::size_t at = authority.find('@'); at != std::string_view::npos) {
    return expected_at(start, "a host without user name and password");
  }
  const std::string_view host = host_without_port(authority);
  if (const auto error = check_host(host, start)) return std::unexpected(*error);
  if (host.size() < authority.size()) {
    const std::string_view port = authority.substr(host.size() + 1);
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (!is_authority(authority) || error != std::errc{} || stop != port.data() + port.size()) {
      return expected_at(start + host.size() + 1, "a port from 1 to 65535");
    }
  }
  if (const auto error = check_path(text.substr(end), end)) return std::unexpected(*error);
  url.host = host.front() == '[' ? host.substr(1, host.size() - 2) : host;
  url.authority = authority;
  url.path = end == text.size() ? "/" : text.substr(end);
  return url;
}

EncodedSet encoded_characters(std::string_view path) noexcept {
  EncodedSet found;
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    const std::optional<char> decoded = decode_at(path, at);
    const std::optional<Encoded> character = decoded ? disputed(*decoded) : std::nullopt;
    if (character) found.add(*character);
  }
  return found;
}

std::expected<std::string_view, HeadError> canonical_path(std::string_view path, bool clean,
                                                          std::string& scratch) {
  const Escapes escapes = look_at_escapes(path);
  if (escapes == Escapes::kMalformed)
    return std::unexpected(HeadError{400, "a malformed escape in the path"});
  std::string_view result = path;
  if (escapes == Escapes::kToChange) {
    scratch.clear();
    append_normalised(path, scratch);
    result = scratch;
  }
  if (!clean || is_clean(result) || !result.starts_with('/')) return result;
  if (escapes != Escapes::kToChange) scratch = path;
  clean_in_place(scratch);
  return scratch;
}

std::string_view routing_path(std::string_view canonical, std::string& scratch) {
  if (canonical.find('%') == std::string_view::npos) return canonical;
  scratch.clear();
  for (std::size_t i = 0; i < canonical.size(); ++i) {
    const std::optional<char> decoded = canonical[i] == '%' ? decode_at(canonical, i) : std::nullopt;
    if (!decoded || is_reserved(*decoded)) {
      scratch += canonical[i];
      continue;
    }
    scratch += *decoded;
    i += 2;
  }
  return scratch;
}

}  // namespace limpet::http
