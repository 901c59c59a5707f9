#include "proxy/middlewares/verified_cache.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"

namespace limpet::proxy {
namespace {

using Key = std::array<unsigned char, 32>;

const Key& process_key() {
  static const Key key = [] {
    Key fresh{};
    LIMPET_CHECK(RAND_bytes(fresh.data(), static_cast<int>(fresh.size())) == 1);
    return fresh;
  }();
  return key;
}

}  // namespace

VerifiedCache::Digest VerifiedCache::digest_of(std::string_view user, std::string_view password) {
  // A user name holds no colon, so the two cannot be split in another way.
  std::string text;
  text.append(user).append(":").append(password);
  Digest digest{};
  static_assert(sizeof(Digest) == 32);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int length = 0;
  LIMPET_CHECK(HMAC(EVP_sha256(), process_key().data(), static_cast<int>(process_key().size()),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data(),
                    &length) != nullptr);
  std::memcpy(digest.data(), bytes.data(), sizeof(digest));
  return digest;
}

bool VerifiedCache::contains(std::string_view user, std::string_view password) const {
  const Digest digest = digest_of(user, password);
  const Set& set = sets_[digest[0] % kSets];
  return std::ranges::any_of(set.entries, [&digest](const auto& entry) {
    std::uint64_t difference = 0;
    for (std::size_t i = 0; i < digest.size(); ++i) {
      difference |= entry[i].load(std::memory_order_relaxed) ^ digest[i];
    }
    return difference == 0;
  });
}

void VerifiedCache::insert(std::string_view user, std::string_view password) {
  const Digest digest = digest_of(user, password);
  Set& set = sets_[digest[0] % kSets];
  auto& entry = set.entries[set.next.fetch_add(1, std::memory_order_relaxed) % kWays];
  for (std::size_t i = 0; i < digest.size(); ++i) entry[i].store(digest[i], std::memory_order_relaxed);
}

}  // namespace limpet::proxy
