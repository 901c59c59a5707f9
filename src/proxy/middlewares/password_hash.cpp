#include "proxy/middlewares/password_hash.h"

#include <crypt.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>

#include "base/check.h"
#include "base/text.h"

namespace limpet::proxy {
namespace {

constexpr std::string_view kForm =
    "expected a hash of htpasswd: bcrypt ($2y$...), MD5 ($apr1$...) or SHA-1 ({SHA}...)";
constexpr std::string_view kCryptAlphabet =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kSha = "{SHA}";
constexpr std::string_view kApr1 = "$apr1$";
constexpr std::string_view kMd5 = "$1$";
constexpr std::size_t kBcryptSize = 60;
constexpr std::size_t kMd5CryptDigest = 22;
constexpr std::size_t kMaxSalt = 8;

using Md5Digest = std::array<unsigned char, 16>;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// One digest of several pieces after the other.
class Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new()) { restart(); }
  void restart() { LIMPET_CHECK(EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) == 1); }
  void add(std::string_view bytes) {
    LIMPET_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  void add(const Md5Digest& digest, std::size_t count) {
    LIMPET_CHECK(EVP_DigestUpdate(context_.get(), digest.data(), count) == 1);
  }
  [[nodiscard]] Md5Digest finish() {
    Md5Digest digest{};
    LIMPET_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    return digest;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

std::string_view magic_of(std::string_view hash) {
  if (hash.starts_with(kApr1)) return kApr1;
  return hash.starts_with(kMd5) ? kMd5 : std::string_view();
}

std::string_view salt_of(std::string_view hash) {
  const std::string_view rest = hash.substr(magic_of(hash).size());
  return rest.substr(0, rest.find('$'));
}

bool is_crypt_text(std::string_view text) {
  return text.find_first_not_of(kCryptAlphabet) == std::string_view::npos;
}

bool is_bcrypt(std::string_view text) {
  if (text.size() != kBcryptSize || !text.starts_with("$2") || text[3] != '$' || text[6] != '$') return false;
  const char variant = text[2];
  const std::string_view cost = text.substr(4, 2);
  return (variant == 'a' || variant == 'b' || variant == 'y') && cost >= "04" && cost <= "31" &&
         cost[1] >= '0' && cost[1] <= '9' && is_crypt_text(text.substr(7));
}

bool is_md5_crypt(std::string_view text) {
  const std::string_view magic = magic_of(text);
  const std::string_view salt = salt_of(text);
  return !magic.empty() && !salt.empty() && salt.size() <= kMaxSalt &&
         text.size() == magic.size() + salt.size() + 1 + kMd5CryptDigest &&
         is_crypt_text(text.substr(magic.size() + salt.size() + 1));
}

bool is_sha(std::string_view text) {
  if (!text.starts_with(kSha)) return false;
  const auto digest = base::base64_decode(text.substr(kSha.size()));
  return digest && digest->size() == 20;
}

std::string sha1_base64(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  LIMPET_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) == 1);
  return base::base64_encode({reinterpret_cast<const char*>(digest.data()), length});
}

void append_base64_crypt(std::string& out, std::uint32_t bits, int characters) {
  for (int i = 0; i < characters; ++i) {
    out.push_back(kCryptAlphabet[bits & 0x3fU]);
    bits >>= 6U;
  }
}

/// The thousand rounds that make MD5-crypt slow.
Md5Digest stretch(Md5Digest digest, std::string_view password, std::string_view salt) {
  Md5 md5;
  for (int round = 0; round < 1000; ++round) {
    md5.restart();
    const bool odd = round % 2 != 0;
    if (odd) {
      md5.add(password);
    } else {
      md5.add(digest, digest.size());
    }
    if (round % 3 != 0) md5.add(salt);
    if (round % 7 != 0) md5.add(password);
    if (odd) {
      md5.add(digest, digest.size());
    } else {
      md5.add(password);
    }
    digest = md5.finish();
  }
  return digest;
}

}  // namespace

std::string md5_crypt(std::string_view password, std::string_view salt, std::string_view magic) {
  Md5 md5;
  md5.add(password);
  md5.add(salt);
  md5.add(password);
  Md5Digest digest = md5.finish();

  md5.restart();
  md5.add(password);
  md5.add(magic);
  md5.add(salt);
  for (std::size_t left = password.size(); left > 0; left -= std::min(left, digest.size())) {
    md5.add(digest, std::min(left, digest.size()));
  }
  for (std::size_t bits = password.size(); bits != 0; bits >>= 1U) {
    md5.add((bits & 1U) != 0 ? std::string_view("\0", 1) : password.substr(0, 1));
  }
  digest = stretch(md5.finish(), password, salt);

  std::string out;
  out.append(magic).append(salt).append("$");
  constexpr std::array<std::array<std::size_t, 3>, 5> kOrder = {
      {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}}};
  for (const auto& [high, middle, low] : kOrder) {
    append_base64_crypt(
        out, static_cast<std::uint32_t>(digest[high] << 16U | digest[middle] << 8U | digest[low]), 4);
  }
  append_base64_crypt(out, digest[11], 2);
  return out;
}

std::optional<std::string> bcrypt(std::string_view password, std::string_view setting) {
  const auto workspace = std::make_unique<crypt_data>();
  const char* hash = crypt_r(std::string(password).c_str(), std::string(setting).c_str(), workspace.get());
  if (hash == nullptr || *hash == '*') return std::nullopt;
  return std::string(hash);
}

std::expected<PasswordHash, std::string> PasswordHash::parse(std::string_view text) {
  if (text.starts_with("$$")) {
    return std::unexpected(
        "has doubled dollar signs, which only a Docker Compose file needs; write each once");
  }
  if (is_bcrypt(text)) return PasswordHash(Kind::kBcrypt, std::string(text));
  if (is_md5_crypt(text)) return PasswordHash(Kind::kMd5Crypt, std::string(text));
  if (is_sha(text)) return PasswordHash(Kind::kSha, std::string(text));
  return std::unexpected(std::string(kForm));
}

bool PasswordHash::verify(std::string_view password) const {
  if (password.find('\0') != std::string_view::npos) return false;
  switch (kind_) {
    case Kind::kBcrypt: {
      const auto hash = bcrypt(password, text_);
      return hash && base::equals_constant_time(*hash, text_);
    }
    case Kind::kMd5Crypt:
      return base::equals_constant_time(md5_crypt(password, salt_of(text_), magic_of(text_)), text_);
    case Kind::kSha:
      return base::equals_constant_time(sha1_base64(password), std::string_view(text_).substr(kSha.size()));
  }
  return false;
}

std::uint32_t PasswordHash::effort() const noexcept {
  if (kind_ != Kind::kBcrypt) return kind_ == Kind::kMd5Crypt ? 1 : 0;
  return static_cast<std::uint32_t>((text_[4] - '0') * 10 + (text_[5] - '0'));
}

}  // namespace limpet::proxy
