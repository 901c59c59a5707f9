#include "base/hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <span>

#include "base/check.h"

namespace limpet::base {
namespace {

std::string hex_of(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const unsigned char byte : bytes) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0x0fU];
  }
  return out;
}

std::string digest_hex(const EVP_MD* method, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  LIMPET_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, method, nullptr) == 1);
  return hex_of(std::span(digest).first(length));
}

}  // namespace

std::string sha256_hex(std::string_view text) {
  return digest_hex(EVP_sha256(), text);
}

std::string sha1_hex(std::string_view text) {
  return digest_hex(EVP_sha1(), text);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  const auto* message = reinterpret_cast<const unsigned char*>(text.data());
  LIMPET_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message, text.size(),
                    digest.data(), &length) != nullptr);
  return hex_of(std::span(digest).first(length));
}

std::string hex16(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

std::string hex_stripped(std::uint64_t value) {
  return fmt::format("{:x}", value);
}

}  // namespace limpet::base
