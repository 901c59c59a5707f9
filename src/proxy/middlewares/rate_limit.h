#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "config/model/dynamic.h"
#include "proxy/middleware.h"
#include "proxy/middlewares/source_key.h"

namespace limpet::proxy {

/// Token buckets, one for each source: a bucket holds up to `burst` tokens and gains one every `interval`. A
/// request may run ahead of its token by half an interval, at most half a second: the requests that Traefik
/// would hold back for so long, and that a token limit without patience would refuse. Any thread: sharded,
/// locks held for one probe. At most `max_sources` are remembered; the one unused for longest makes room, and
/// one whose bucket is full again is forgotten.
class TokenBuckets {
 public:
  TokenBuckets(base::Duration interval, std::uint64_t burst, base::Duration patience,
               std::size_t max_sources = 65'536);
  /// Takes a token: gives zero, or how long to wait for one.
  [[nodiscard]] base::Duration take(std::string_view source, base::TimePoint now);
  /// How many sources are remembered.
  [[nodiscard]] std::size_t size() const;

 private:
  struct Bucket {
    std::string source;
    base::TimePoint full_at;  ///< when it will be full if nobody takes from it
  };
  using Buckets = std::list<Bucket>;
  struct Shard {
    mutable std::mutex mutex;  // guards both members below; held for one probe
    Buckets by_use;            // the one unused for longest first
    std::unordered_map<std::string_view, Buckets::iterator> by_source;  // keys are views of by_use's strings
  };
  static constexpr std::size_t kShards = 16;
  static void drop_first(Shard& shard);
  void make_room(Shard& shard, base::TimePoint now) const;

  base::Duration interval_;
  base::Duration capacity_;  ///< the time in which an empty bucket fills
  base::Duration patience_;
  std::size_t max_sources_per_shard_;
  std::array<Shard, kShards> shards_;
};

/// rateLimit: `average` requests per `period` and source, in bursts of up to `burst`; else 429 with
/// Retry-After (seconds) and X-Retry-In. An average of 0 is no limit.
class RateLimit final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::RateLimit& settings);
  /// `buckets` null: no limit.
  RateLimit(std::unique_ptr<TokenBuckets> buckets, SourceKey source)
      : buckets_(std::move(buckets)), source_(std::move(source)) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

 private:
  std::unique_ptr<TokenBuckets> buckets_;
  SourceKey source_;
};

}  // namespace limpet::proxy
