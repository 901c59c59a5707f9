#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "config/model/dynamic.h"
#include "proxy/middleware.h"
#include "proxy/middlewares/source_key.h"

namespace limpet::proxy {

/// inFlightReq: at most so many requests of one source at a time, else 429. A request counts until its answer
/// is done; one that becomes a tunnel counts until the tunnel ends. Sources are counted in shards, each with
/// a lock that is held for one probe; a source without requests takes no memory.
class InFlightLimit final : public Middleware {
 public:
  /// Fails with a sentence if the settings are not usable.
  [[nodiscard]] static std::expected<std::shared_ptr<Middleware>, std::string> make(
      const config::InFlightReq& settings);
  InFlightLimit(std::uint64_t amount, SourceKey source)
      : amount_(amount), source_(std::move(source)), counts_(std::make_shared<Counts>()) {}
  [[nodiscard]] Verdict on_request(RequestContext& context) override;

  /// How many requests are counted, of all sources. For tests and metrics.
  [[nodiscard]] std::uint64_t in_flight() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return base::fnv1a_64(text); }
  };
  struct Shard {
    mutable std::mutex mutex;  // guards by_source; held for one probe
    std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> by_source;
  };
  using Counts = std::array<Shard, 16>;
  class Seat;

  std::uint64_t amount_;
  SourceKey source_;
  std::shared_ptr<Counts>
      counts_;  // shared with the seats: a tunnel outlives the configuration it began under
};

}  // namespace limpet::proxy
