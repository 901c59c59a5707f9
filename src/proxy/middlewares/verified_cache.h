#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace limpet::proxy {

/// Remembers which user names and passwords were found right, so that a browser's many requests pay for one
/// slow hash. Holds only keyed digests (HMAC-SHA-256 with a random key of this process), a fixed number of
/// them. Any thread; no locks: a torn entry is a digest that nobody can present.
class VerifiedCache {
 public:
  [[nodiscard]] bool contains(std::string_view user, std::string_view password) const;
  void insert(std::string_view user, std::string_view password);

 private:
  using Digest = std::array<std::uint64_t, 4>;
  static constexpr std::size_t kSets = 64;
  static constexpr std::size_t kWays = 8;
  struct Set {
    std::array<std::array<std::atomic<std::uint64_t>, 4>, kWays> entries{};
    std::atomic<std::uint32_t> next{0};
  };
  [[nodiscard]] static Digest digest_of(std::string_view user, std::string_view password);
  std::array<Set, kSets> sets_{};
};

}  // namespace limpet::proxy
