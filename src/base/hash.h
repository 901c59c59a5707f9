#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace limpet::base {

/// FNV-1a, 64 bits (xor, then multiply). What users compute by hand from a server's URL.
[[nodiscard]] constexpr std::uint64_t fnv1a_64(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

/// FNV-1, 64 bits (multiply, then xor).
[[nodiscard]] constexpr std::uint64_t fnv1_64(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash *= 0x100000001b3U;
    hash ^= static_cast<unsigned char>(c);
  }
  return hash;
}

/// A stable 64-bit mix of two values, for rendezvous hashing: the same on every replica and in every version.
[[nodiscard]] constexpr std::uint64_t mix_64(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t x = a ^ (b + 0x9e3779b97f4a7c15U + (a << 6U) + (a >> 2U));
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebU;
  x ^= x >> 31U;
  return x;
}

/// SHA-256 as 64 lower-case hex digits.
[[nodiscard]] std::string sha256_hex(std::string_view text);
/// SHA-1 as 40 lower-case hex digits; only for Traefik's default cookie names and htpasswd's {SHA}.
[[nodiscard]] std::string sha1_hex(std::string_view text);
/// HMAC-SHA-256 as 64 lower-case hex digits.
[[nodiscard]] std::string hmac_sha256_hex(std::string_view key, std::string_view text);

/// 16 lower-case hex digits, zero-padded.
[[nodiscard]] std::string hex16(std::uint64_t value);
/// Lower-case hex digits without leading zeros ("0" for zero).
[[nodiscard]] std::string hex_stripped(std::uint64_t value);

}  // namespace limpet::base
