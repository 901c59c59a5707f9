#include "proxy/middlewares/in_flight_limit.h"

#include <fmt/format.h>

#include <utility>

namespace limpet::proxy {

/// One request's place in the count.
class InFlightLimit::Seat final : public Hold {
 public:
  /// `shard` belongs to `counts`, `source` is a key in it.
  Seat(std::shared_ptr<Counts> counts, Shard& shard, const std::string& source)
      : counts_(std::move(counts)), shard_(shard), source_(source) {}
  ~Seat() override {
    const std::scoped_lock lock(shard_.mutex);
    const auto entry = shard_.by_source.find(source_);
    if (--entry->second == 0) shard_.by_source.erase(entry);
  }

 private:
  std::shared_ptr<Counts> counts_;  // keeps shard_ alive
  Shard& shard_;
  const std::string& source_;  // the key of the entry, which stays while it is counted
};

std::expected<std::shared_ptr<Middleware>, std::string> InFlightLimit::make(
    const config::InFlightReq& settings) {
  if (settings.amount < 1) {
    return std::unexpected(
        fmt::format("inFlightReq.amount is {}, expected a number from 1", settings.amount));
  }
  auto source = SourceKey::make("inFlightReq", settings.source_criterion, SourceKey::Default::kHost);
  if (!source) return std::unexpected(std::move(source.error()));
  return std::make_shared<InFlightLimit>(static_cast<std::uint64_t>(settings.amount), std::move(*source));
}

Verdict InFlightLimit::on_request(RequestContext& context) {
  std::string scratch;
  const std::string_view source = source_.of(context, scratch);
  Shard& shard = (*counts_)[base::fnv1a_64(source) % counts_->size()];
  const std::string* key = nullptr;
  {
    const std::scoped_lock lock(shard.mutex);
    auto entry = shard.by_source.find(source);
    if (entry == shard.by_source.end()) entry = shard.by_source.emplace(source, 0).first;
    if (entry->second < amount_) {
      ++entry->second;
      key = &entry->first;
    }
  }
  if (key == nullptr) {
    Answer answer;
    answer.status = 429;
    answer.body = fmt::format("max connections reached: {}", amount_);
    return answer;
  }
  context.holds.push_back(std::make_unique<Seat>(counts_, shard, *key));
  return Continue{};
}

std::uint64_t InFlightLimit::in_flight() const {
  std::uint64_t total = 0;
  for (const Shard& shard : *counts_) {
    const std::scoped_lock lock(shard.mutex);
    for (const auto& [source, count] : shard.by_source) total += count;
  }
  return total;
}

}  // namespace limpet::proxy
