#include "proxy/middlewares/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/hash.h"
#include "base/units.h"
#include "proxy/middlewares/plain_answer.h"

namespace limpet::proxy {
namespace {

// Longer times are of no use and could overflow a time point.
constexpr base::Duration kLongest = std::chrono::hours(24 * 365 * 50);

/// How long a request may run ahead of its token: Traefik's longest delay.
base::Duration patience_for(base::Duration interval) {
  constexpr base::Duration kSecond = std::chrono::seconds(1);
  const auto per_second = kSecond / interval;
  return per_second < 1 ? kSecond / 2 : kSecond / (per_second * 2);
}

}  // namespace

TokenBuckets::TokenBuckets(base::Duration interval, std::uint64_t burst, base::Duration patience,
                           std::size_t max_sources)
    : interval_(std::clamp(interval, base::Duration(1), kLongest)),
      capacity_(burst > static_cast<std::uint64_t>(kLongest / interval_)
                    ? kLongest
                    : interval_ * static_cast<base::Duration::rep>(burst)),
      patience_(patience),
      max_sources_per_shard_(std::max<std::size_t>(1, max_sources / kShards)) {}

base::Duration TokenBuckets::take(std::string_view source, base::TimePoint now) {
  Shard& shard = shards_[base::fnv1a_64(source) % shards_.size()];
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.by_source.find(source);
  const base::TimePoint before = found == shard.by_source.end() ? now : std::max(found->second->full_at, now);
  const base::TimePoint after = before + interval_;
  const base::Duration wait = after - now - capacity_;
  if (found != shard.by_source.end()) {
    shard.by_use.splice(shard.by_use.end(), shard.by_use, found->second);
    if (wait > patience_) return wait;
    found->second->full_at = after;
    return base::Duration::zero();
  }
  make_room(shard, now);
  shard.by_use.push_back({std::string(source), after});
  shard.by_source.emplace(shard.by_use.back().source, std::prev(shard.by_use.end()));
  return base::Duration::zero();
}

std::size_t TokenBuckets::size() const {
  std::size_t total = 0;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    total += shard.by_use.size();
  }
  return total;
}

void TokenBuckets::drop_first(Shard& shard) {
  shard.by_source.erase(shard.by_use.front().source);
  shard.by_use.pop_front();
}

void TokenBuckets::make_room(Shard& shard, base::TimePoint now) const {
  // A full bucket is like a new one. Two a time keep up with one new one a time.
  for (int i = 0; i < 2 && !shard.by_use.empty() && shard.by_use.front().full_at <= now; ++i)
    drop_first(shard);
  if (shard.by_use.size() >= max_sources_per_shard_) drop_first(shard);
}

std::expected<std::shared_ptr<Middleware>, std::string> RateLimit::make(const config::RateLimit& settings) {
  if (settings.average < 0) {
    return std::unexpected(
        fmt::format("rateLimit.average is {}, expected a number from 0", settings.average));
  }
  if (settings.burst < 0) {
    return std::unexpected(fmt::format("rateLimit.burst is {}, expected a number from 1", settings.burst));
  }
  if (settings.period < base::Duration::zero()) {
    return std::unexpected("rateLimit.period is negative, expected a duration such as 1s or 1m");
  }
  auto source = SourceKey::make("rateLimit", settings.source_criterion, SourceKey::Default::kAddress);
  if (!source) return std::unexpected(std::move(source.error()));

  std::unique_ptr<TokenBuckets> buckets;
  if (settings.average > 0) {
    const base::Duration period =
        settings.period == base::Duration::zero() ? std::chrono::seconds(1) : settings.period;
    const base::Duration interval = std::max(base::Duration(1), period / settings.average);
    buckets = std::make_unique<TokenBuckets>(
        interval, static_cast<std::uint64_t>(std::max<std::int64_t>(1, settings.burst)),
        patience_for(interval));
  }
  return std::make_shared<RateLimit>(std::move(buckets), std::move(*source));
}

Verdict RateLimit::on_request(RequestContext& context) {
  if (buckets_ == nullptr) return Continue{};
  std::string scratch;
  const base::Duration wait = buckets_->take(source_.of(context, scratch), context.now);
  if (wait == base::Duration::zero()) return Continue{};
  Answer answer = plain_answer(429);
  answer.fields.emplace_back("Retry-After",
                             fmt::format("{}", std::chrono::ceil<std::chrono::seconds>(wait).count()));
  answer.fields.emplace_back("X-Retry-In", base::format_duration(wait));
  return answer;
}

}  // namespace limpet::proxy
