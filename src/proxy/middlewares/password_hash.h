#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// Password hashes as htpasswd writes them. Pure; any thread.
namespace limpet::proxy {

/// A stored hash: bcrypt ($2a$, $2b$, $2y$), MD5-crypt ($apr1$ of Apache, $1$) or {SHA} (base64 of SHA-1).
class PasswordHash {
 public:
  /// Checks the form of a hash; fails with what is allowed ("expected ...").
  [[nodiscard]] static std::expected<PasswordHash, std::string> parse(std::string_view text);
  /// Whether `password` is the one; takes as long for a wrong one. Slow on purpose: some milliseconds for
  /// MD5-crypt, up to seconds for bcrypt. Never matches a password with a NUL.
  [[nodiscard]] bool verify(std::string_view password) const;
  /// How much work verify() is, for comparison only.
  [[nodiscard]] std::uint32_t effort() const noexcept;
  bool operator==(const PasswordHash&) const = default;

 private:
  enum class Kind : std::uint8_t { kSha, kMd5Crypt, kBcrypt };
  PasswordHash(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  Kind kind_;
  std::string text_;
};

/// MD5-crypt with Apache's "$apr1$" or the original "$1$" as `magic`: magic, salt, '$' and 22 characters.
[[nodiscard]] std::string md5_crypt(std::string_view password, std::string_view salt, std::string_view magic);

/// Bcrypt by the system's libcrypt, or nothing if the setting ("$2y$10$" and 22 characters) is malformed.
[[nodiscard]] std::optional<std::string> bcrypt(std::string_view password, std::string_view setting);

}  // namespace limpet::proxy
