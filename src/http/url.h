#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/units.h"
#include "http/head.h"

/// Servers' URLs and request paths (RFC 3986).
namespace limpet::http {

enum class Scheme : std::uint8_t { kHttp, kHttps, kH2c };

/// "http", "https" or "h2c".
[[nodiscard]] std::string_view scheme_text(Scheme scheme) noexcept;

/// A server's URL, taken apart.
struct ServerUrl {
  Scheme scheme = Scheme::kHttp;
  std::string host;        ///< a name or an address; an IPv6 address without brackets
  std::uint16_t port = 0;  ///< as written, else 443 for https and 80 for the others
  std::string authority;   ///< host and port as written: what Host says if the client's is not passed on
  std::string path;        ///< "/" if none is written

  bool operator==(const ServerUrl&) const = default;
};

/// Reads "scheme://host:port/path" with http, https or h2c. Fails, with what is expected and where, on
/// another scheme, a user name, a malformed host or port, a query or a fragment.
[[nodiscard]] std::expected<ServerUrl, base::ParseError> parse_server_url(std::string_view text);

/// A character that servers disagree about when it is percent-encoded in a path; Traefik's
/// `encodedCharacters`.
enum class Encoded : std::uint8_t {
  kSlash = 1,          ///< %2F
  kBackslash = 2,      ///< %5C
  kNull = 4,           ///< %00
  kSemicolon = 8,      ///< %3B
  kPercent = 16,       ///< %25
  kQuestionMark = 32,  ///< %3F
  kHash = 64,          ///< %23
};

/// A set of them.
class EncodedSet {
 public:
  constexpr EncodedSet() = default;
  [[nodiscard]] static constexpr EncodedSet all() noexcept { return EncodedSet(0x7f); }
  /// Everything but %00: the default of an entry point.
  [[nodiscard]] static constexpr EncodedSet usual() noexcept { return EncodedSet(0x7b); }
  constexpr void add(Encoded character) noexcept { bits_ |= static_cast<std::uint8_t>(character); }
  [[nodiscard]] constexpr bool has(Encoded character) const noexcept {
    return (bits_ & static_cast<std::uint8_t>(character)) != 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// Whether every member is in `other` too: whether what was found is allowed.
  [[nodiscard]] constexpr bool is_within(EncodedSet other) const noexcept {
    return (bits_ & ~other.bits_) == 0;
  }
  constexpr bool operator==(const EncodedSet&) const = default;

 private:
  constexpr explicit EncodedSet(std::uint8_t bits) noexcept : bits_(bits) {}
  std::uint8_t bits_ = 0;
};

/// Which of the disputed characters a path holds percent-encoded.
[[nodiscard]] EncodedSet encoded_characters(std::string_view path) noexcept;

/// A request's path in the one form that is both matched and passed on (RFC 3986, section 6.2.2):
/// unreserved characters decoded, the hex digits of what stays encoded in capitals; and with `clean`,
/// Traefik's sanitizePath, also without "." and ".." segments and double slashes, a slash at the end kept.
/// Returns `path` itself if there is nothing to change, else a view of `scratch`, which `path` does not point
/// into; 400 for a malformed escape.
[[nodiscard]] std::expected<std::string_view, HeadError> canonical_path(std::string_view path, bool clean,
                                                                        std::string& scratch);

/// A canonical path as rules see it: decoded, but for reserved characters and '%', which stay encoded, so
/// that "%2F" does not match "/". Returns `canonical` itself if it holds no escape, else a view of `scratch`,
/// which is not the one that `canonical` points into.
[[nodiscard]] std::string_view routing_path(std::string_view canonical, std::string& scratch);

}  // namespace limpet::http
