#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace limpet::http {

/// Finds a cookie by name in one Cookie field's value, as browsers send it (RFC 6265, section 5.4),
/// leniently: the first match counts; quotes around the value are taken off. Never allocates.
[[nodiscard]] std::optional<std::string_view> find_cookie(std::string_view cookie_field,
                                                          std::string_view name) noexcept;

/// Finds a query parameter by its exact name; the value is still percent-encoded. Never allocates.
[[nodiscard]] std::optional<std::string_view> find_query(std::string_view query,
                                                         std::string_view name) noexcept;

/// Decodes %XX and, if `plus_is_space`, '+'. Malformed escapes stay as they are.
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus_is_space);

/// A Set-Cookie field's value (RFC 6265, section 4.1; Partitioned of CHIPS).
struct SetCookie {
  std::string_view name;
  std::string_view value;
  std::string_view path;
  std::string_view domain;
  bool secure = false;
  bool http_only = false;
  std::string_view same_site;  ///< "None", "Lax", "Strict" or empty
  std::int64_t max_age = 0;    ///< seconds; 0: left out; below: "Max-Age=0", the cookie is deleted
  bool partitioned = false;
};
/// Writes the value in the order of Go's net/http: Path, Domain (without a leading dot), Max-Age, HttpOnly,
/// Secure, SameSite, Partitioned. The name must be a token; bytes that a value or an attribute cannot hold
/// are left out, a value with a space or comma is quoted.
[[nodiscard]] std::string format_set_cookie(const SetCookie& cookie);

/// `text` with every character outside RFC 2616's token replaced by '_' (a UTF-8 sequence by one): what
/// Traefik does to cookie names.
[[nodiscard]] std::string sanitise_cookie_name(std::string_view text);

}  // namespace limpet::http
