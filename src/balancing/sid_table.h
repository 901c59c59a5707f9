#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace limpet::balancing {

class ServerState;

/// Which server holds an Engine.IO session, learned from the handshake's answer, for clients that send no cookie. Any
/// thread: sharded locks, held for one hash probe, touched only by requests that carry or create a sid and never by
/// tunnels. An entry lives until `lifetime` after its last use (default 2 min: ping interval, ping timeout and slack).
class SidTable {
 public:
  explicit SidTable(base::Duration lifetime = std::chrono::minutes(2), std::size_t max_entries = 1'000'000);
  void learn(std::string_view sid, std::shared_ptr<ServerState> server, base::TimePoint now);
  /// The server that holds the session, and renews it.
  [[nodiscard]] std::shared_ptr<ServerState> find(std::string_view sid, base::TimePoint now);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<ServerState> server;  // shared: the session may outlive the snapshot it was learned under
    base::TimePoint expires;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Entry> entries;
    base::TimePoint next_sweep{};
  };
  [[nodiscard]] Shard& shard_of(std::string_view sid) noexcept;

  base::Duration lifetime_;
  std::size_t max_entries_per_shard_;
  std::array<Shard, 64> shards_;
};

/// Finds the session id in the answer of an Engine.IO handshake: `0{"sid":"..."` with up to a few framing bytes before
/// it (a polling payload). Nothing if it is not there. Never allocates.
[[nodiscard]] std::optional<std::string_view> find_handshake_sid(std::string_view body) noexcept;

}  // namespace limpet::balancing
