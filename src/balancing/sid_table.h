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

#include "balancing/reservations.h"
#include "balancing/server_state.h"
#include "base/clock.h"

namespace limpet::balancing {

/// The longest session id that is learned; Engine.IO's have 20 characters.
inline constexpr std::size_t kMaxSidLength = 128;

/// What a session that counts against the capacity has, whether it polls or has a tunnel.
struct SessionHold {
  Seat seat;
  Claim claim;  ///< keeps a placement's user present in it
};

/// Which server holds an Engine.IO session, learned from the handshake's answer, for clients that send no
/// cookie. Any thread: sharded locks, held for one hash probe, touched only by requests that carry or create
/// a sid and never by tunnels. An entry lives until `lifetime` after its last use (default 2 min: ping
/// interval, ping timeout and slack); when the table is full, the session unused for longest makes room.
/// A table that never learned anything has no shards: most services see no such session, and there may be
/// thousands of them.
///
/// Where sessions count against the capacity, an entry holds its session's seat and presence in a placement,
/// for as long as no tunnel does, and releases them at its end.
class SidTable {
 public:
  static constexpr base::Duration kUsualLifetime = std::chrono::minutes(2);
  /// Silence after which a session that counts is over: ping interval and timeout (45 s) and slack.
  static constexpr base::Duration kCountedLifetime = std::chrono::seconds(60);

  explicit SidTable(base::Duration lifetime = kUsualLifetime, std::size_t max_entries = 1'000'000);
  /// For what is learned and used from now on.
  void set_lifetime(base::Duration lifetime) noexcept {
    lifetime_.store(lifetime, std::memory_order_relaxed);
  }
  /// Notes that `server` holds the session, and `hold` is the session's. An empty sid and one longer than
  /// kMaxSidLength are ignored.
  void learn(std::string_view sid, std::shared_ptr<ServerState> server, base::TimePoint now,
             SessionHold hold = {});
  /// What the session has, for its tunnel; empty if the table has nothing of it.
  [[nodiscard]] SessionHold take(std::string_view sid);
  /// Gives it back for a session that goes on without the tunnel. Releases it if the session is over.
  void give_back(std::string_view sid, SessionHold hold, base::TimePoint now);
  /// The session is over.
  void end(std::string_view sid);
  /// The server that holds the session, and renews it. Releases no seat.
  [[nodiscard]] std::shared_ptr<ServerState> find(std::string_view sid, base::TimePoint now);
  /// Forgets every session that has expired, so that its server's state may be forgotten too. learn() does
  /// this for the shard it touches; the control thread calls it now and then for the rest.
  void sweep(base::TimePoint now);
  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 64;
  struct Entry {
    std::string sid;
    std::shared_ptr<ServerState> server;  // shared: the session may outlive the snapshot it was learned under
    base::TimePoint expires;
    SessionHold hold;
  };
  using Entries = std::list<Entry>;
  struct Shard {
    mutable std::mutex mutex;  // guards both members below; held for one probe
    Entries by_use;            // the one unused for longest first, so the first to expire too
    std::unordered_map<std::string_view, Entries::iterator> by_sid;  // keys are views of by_use's strings
  };
  // What is dropped goes to `dropped`, to end without the lock: it may hold a seat that somebody waits for.
  static void drop(Shard& shard, Entries::iterator entry, Entries& dropped);
  static void drop_expired(Shard& shard, base::TimePoint now, Entries& dropped);
  using Shards = std::array<Shard, kShards>;
  /// The shards, made now if there are none yet.
  [[nodiscard]] Shards& made_shards();
  /// The shards, or null if nothing was ever learned.
  [[nodiscard]] Shards* shards() const noexcept { return in_use_.load(std::memory_order_acquire); }
  [[nodiscard]] static Shard& shard_of(Shards& shards, std::string_view sid) noexcept;

  std::atomic<base::Duration> lifetime_;
  std::size_t max_entries_per_shard_;
  std::once_flag made_;
  std::unique_ptr<Shards> shards_;
  std::atomic<Shards*> in_use_{nullptr};  // shards_, for threads that did not make them
};

/// Whether the body of an Engine.IO POST ends with a close packet, with which a client ends its session.
[[nodiscard]] bool closes_session(std::string_view body) noexcept;

/// Finds the session id in the answer of an Engine.IO handshake: an open packet, `0{"sid":"..."`, with up to
/// a few framing bytes before it (a polling payload of version 3 has its length there). The key may stand
/// anywhere in the packet's first 512 bytes. Nothing if it is not there. Never allocates.
[[nodiscard]] std::optional<std::string_view> find_handshake_sid(std::string_view body) noexcept;

}  // namespace limpet::balancing
