#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace limpet::balancing {

class ServerState;

/// The longest session id that is learned; Engine.IO's have 20 characters.
inline constexpr std::size_t kMaxSidLength = 128;

/// Which server holds an Engine.IO session, learned from the handshake's answer, for clients that send no
/// cookie. Any thread: sharded locks, held for one hash probe, touched only by requests that carry or create
/// a sid and never by tunnels. An entry lives until `lifetime` after its last use (default 2 min: ping
/// interval, ping timeout and slack); when the table is full, the session unused for longest makes room.
/// A table that never learned anything has no shards: most services see no such session, and there may be
/// thousands of them.
class SidTable {
 public:
  explicit SidTable(base::Duration lifetime = std::chrono::minutes(2), std::size_t max_entries = 1'000'000);
  /// Notes that `server` holds the session. An empty sid and one longer than kMaxSidLength are ignored.
  void learn(std::string_view sid, std::shared_ptr<ServerState> server, base::TimePoint now);
  /// The server that holds the session, and renews it.
  [[nodiscard]] std::shared_ptr<ServerState> find(std::string_view sid, base::TimePoint now);
  /// Forgets every session that has expired, so that its server's state may be forgotten too. learn() and
  /// find() do this for the shard they touch; the control thread calls it now and then for the rest.
  void sweep(base::TimePoint now);
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 64;
  struct Entry {
    std::string sid;
    std::shared_ptr<ServerState> server;  // shared: the session may outlive the snapshot it was learned under
    base::TimePoint expires;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    mutable std::mutex mutex;  // guards both members below; held for one probe
    Entries by_use;            // the one unused for longest first, so the first to expire too
    std::unordered_map<std::string_view, Entries::iterator> by_sid;  // keys are views of by_use's strings
  };
  static void drop_first(Shard& shard);
  static void drop_expired(Shard& shard, base::TimePoint now);
  using Shards = std::array<Shard, kShards>;
  /// The shards, made now if there are none yet.
  [[nodiscard]] Shards& made_shards();
  /// The shards, or null if nothing was ever learned.
  [[nodiscard]] Shards* shards() const noexcept { return in_use_.load(std::memory_order_acquire); }
  [[nodiscard]] static Shard& shard_of(Shards& shards, std::string_view sid) noexcept;

  base::Duration lifetime_;
  std::size_t max_entries_per_shard_;
  std::once_flag made_;
  std::unique_ptr<Shards> shards_;
  std::atomic<Shards*> in_use_{nullptr};  // shards_, for threads that did not make them
};

/// Finds the session id in the answer of an Engine.IO handshake: an open packet, `0{"sid":"..."`, with up to
/// a few framing bytes before it (a polling payload of version 3 has its length there). The key may stand
/// anywhere in the packet's first 512 bytes. Nothing if it is not there. Never allocates.
[[nodiscard]] std::optional<std::string_view> find_handshake_sid(std::string_view body) noexcept;

}  // namespace limpet::balancing
