#include "balancing/sid_table.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"

namespace limpet::balancing {

SidTable::SidTable(base::Duration lifetime, std::size_t max_entries)
    : lifetime_(lifetime), max_entries_per_shard_(std::max<std::size_t>(1, max_entries / kShards)) {}

SidTable::Shards& SidTable::made_shards() {
  std::call_once(made_, [this] {
    shards_ = std::make_unique<Shards>();
    in_use_.store(shards_.get(), std::memory_order_release);
  });
  return *shards_;
}

SidTable::Shard& SidTable::shard_of(Shards& shards, std::string_view sid) noexcept {
  return shards[base::mix_64(base::fnv1a_64(sid), 0) % kShards];
}

void SidTable::drop(Shard& shard, Entries::iterator entry, Entries& dropped) {
  shard.by_sid.erase(entry->sid);
  dropped.splice(dropped.end(), shard.by_use, entry);
}

void SidTable::drop_expired(Shard& shard, base::TimePoint now, Entries& dropped) {
  while (!shard.by_use.empty() && shard.by_use.front().expires <= now)
    drop(shard, shard.by_use.begin(), dropped);
}

void SidTable::learn(std::string_view sid, std::shared_ptr<ServerState> server, base::TimePoint now,
                     SessionHold hold) {
  if (sid.empty() || sid.size() > kMaxSidLength) return;
  const base::TimePoint expires = now + lifetime_.load(std::memory_order_relaxed);
  Entries dropped;
  Shard& shard = shard_of(made_shards(), sid);
  const std::lock_guard lock(shard.mutex);
  drop_expired(shard, now, dropped);
  if (const auto found = shard.by_sid.find(sid); found != shard.by_sid.end())
    drop(shard, found->second, dropped);
  if (shard.by_use.size() >= max_entries_per_shard_) drop(shard, shard.by_use.begin(), dropped);
  const auto entry = shard.by_use.insert(shard.by_use.end(),
                                         {std::string(sid), std::move(server), expires, std::move(hold)});
  shard.by_sid.emplace(entry->sid, entry);
}

std::shared_ptr<ServerState> SidTable::find(std::string_view sid, base::TimePoint now) {
  Shards* const all = shards();
  if (all == nullptr || sid.empty() || sid.size() > kMaxSidLength) return nullptr;
  Shard& shard = shard_of(*all, sid);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_sid.find(sid);
  if (found == shard.by_sid.end() || found->second->expires <= now) return nullptr;
  found->second->expires = now + lifetime_.load(std::memory_order_relaxed);
  shard.by_use.splice(shard.by_use.end(), shard.by_use, found->second);
  return found->second->server;
}

SessionHold SidTable::take(std::string_view sid) {
  Shards* const all = shards();
  if (all == nullptr) return {};
  Shard& shard = shard_of(*all, sid);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_sid.find(sid);
  return found == shard.by_sid.end() ? SessionHold() : std::exchange(found->second->hold, {});
}

void SidTable::give_back(std::string_view sid, SessionHold hold, base::TimePoint now) {
  Shards* const all = shards();
  if (all == nullptr) return;
  Shard& shard = shard_of(*all, sid);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_sid.find(sid);
  if (found == shard.by_sid.end()) return;
  std::swap(found->second->hold, hold);
  found->second->expires = now + lifetime_.load(std::memory_order_relaxed);
  shard.by_use.splice(shard.by_use.end(), shard.by_use, found->second);
}

void SidTable::end(std::string_view sid) {
  Shards* const all = shards();
  if (all == nullptr) return;
  Entries dropped;
  Shard& shard = shard_of(*all, sid);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.by_sid.find(sid);
  if (found != shard.by_sid.end()) drop(shard, found->second, dropped);
}

void SidTable::sweep(base::TimePoint now) {
  Shards* const all = shards();
  if (all == nullptr) return;
  for (Shard& shard : *all) {
    Entries dropped;
    const std::lock_guard lock(shard.mutex);
    drop_expired(shard, now, dropped);
  }
}

std::size_t SidTable::size() const {
  const Shards* const all = shards();
  if (all == nullptr) return 0;
  std::size_t sum = 0;
  for (const Shard& shard : *all) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.by_use.size();
  }
  return sum;
}

bool closes_session(std::string_view body) noexcept {
  // "1:1" is how version 3 writes it.
  return body == "1" ||
         body.ends_with(
             "\x1e"
             "1") ||
         body == "1:1";
}

std::optional<std::string_view> find_handshake_sid(std::string_view body) noexcept {
  constexpr std::size_t kMaxFraming = 12;
  constexpr std::size_t kMaxPacket = 512;
  constexpr std::string_view kOpen = "0{";
  constexpr std::string_view kKey = "\"sid\"";
  constexpr std::string_view kBlank = " \t\r\n";

  const std::size_t start = body.substr(0, kMaxFraming + kOpen.size()).find(kOpen);
  if (start == std::string_view::npos) return std::nullopt;
  // What precedes the packet is its length, "97:" or 00 09 07 ff; "40{" is a packet of another kind.
  if (start != 0 && body[start - 1] != ':' && body[start - 1] != '\xff') return std::nullopt;
  std::string_view rest = body.substr(start + kOpen.size(), kMaxPacket);
  const auto skip_blanks = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(kBlank), rest.size())); };
  while (true) {
    const std::size_t key = rest.find(kKey);
    if (key == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(key + kKey.size());
    skip_blanks();
    if (!rest.starts_with(':')) continue;
    rest.remove_prefix(1);
    skip_blanks();
    if (!rest.starts_with('"')) return std::nullopt;
    rest.remove_prefix(1);
    const std::size_t end = rest.find_first_of("\"\\");
    if (end == std::string_view::npos || rest[end] != '"' || end == 0 || end > kMaxSidLength)
      return std::nullopt;
    return rest.substr(0, end);
  }
}

}  // namespace limpet::balancing
