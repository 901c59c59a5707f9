#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "balancing/admissions.h"
#include "balancing/service.h"
#include "base/clock.h"
#include "placement/journal.h"

/// Placements: which server the users of a key (a room, a match, a party) go to, with seats kept for them.
namespace limpet::placement {

/// Longest key, in bytes.
inline constexpr std::size_t kMaxKeyBytes = 256;
/// Most seats of one placement.
inline constexpr std::uint32_t kMaxSeats = 1'000'000;
/// Longest time for which seats are reserved.
inline constexpr base::Duration kMaxTtl = std::chrono::hours(24);
/// Most placements at a time.
inline constexpr std::size_t kMaxPlacements = 1'000'000;

/// Both clocks, read once.
struct Now {
  base::TimePoint steady{};
  std::uint64_t unix_ms = 0;
};

/// What is asked for.
struct Wish {
  std::string service;  ///< qualified name
  std::string key;
  std::uint32_t seats = 1;  ///< of the key's users together; 0: only the decision
  base::Duration ttl{};     ///< 0: the service's
  bool more = false;        ///< on top of the seats that the key has already, not together with them
  std::string url;          ///< the server; empty: whichever fits
  std::string advice;  ///< URL of the server to prefer if one has to be chosen; empty: as the policy says
};

/// A wish for which a webhook is to choose a server. Views of the snapshot in force.
struct Undecided {
  const balancing::Service* service = nullptr;
  std::uint32_t seats = 0;                ///< that the server must have
  std::string_view moves_from;            ///< URL of the key's server, if it had one
  std::vector<std::uint32_t> candidates;  ///< indexes of the service's servers that could take it
};

enum class PlaceError : std::uint8_t {
  kUnknownService,
  kUnknownServer,  ///< the service has no server of the URL asked for, or it is down
  kRoomFull,       ///< the key has a server, which lacks the seats
  kAllFull,        ///< no server has the seats
  kNoServer,       ///< no server is up and takes new users
  kDeclined,       ///< the service's webhook has no place for it
  kTooMany,        ///< kMaxPlacements
};
struct PlaceFailure {
  PlaceError error = PlaceError::kNoServer;
  std::size_t wish = 0;  ///< which of them
};

/// A placement as it is now.
struct Placed {
  Row row;
  std::uint32_t present = 0;  ///< users who came by it and are connected
  bool created = false;       ///< by this call
  bool moved = false;         ///< by this call, since its server was down or gone
};

/// All placements. A placement ends when its time is over and nobody who came by it has been connected for a
/// while. Control thread only; seats are exact against the data path at any moment.
class Ledger {
 public:
  /// A load-balanced service of the snapshot in force, null if there is none of this name.
  using FindService = std::function<const balancing::Service*(std::string_view name)>;
  using Done = Journal::Done;

  /// `admissions` outlives it. `journal` may be null: memory only. What it has is placed again as soon as its
  /// servers are known; tickets that were spent stay so, and those spent from now on go there.
  Ledger(balancing::Admissions& admissions, std::unique_ptr<Journal> journal, FindService find_service,
         std::uint64_t now_ms);
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger();

  /// After each new snapshot, before the data path uses it: reserves the seats of stored placements whose
  /// servers have appeared.
  void services_changed();

  /// Places keys, all or none. A key that has a server keeps it as long as that is up, draining or not; its
  /// seats are made up to those asked for, its time is made longer but never shorter. The wishes' keys must
  /// be different ones. Nobody may be told before it is stored: see commit().
  [[nodiscard]] std::expected<std::vector<Placed>, PlaceFailure> place(std::span<const Wish> wishes, Now now);
  /// The choice that the service's webhook has to make before place(); nothing if there is none to make: the
  /// service has no webhook, the key has a server, the wish names one, or no server has the seats.
  [[nodiscard]] std::optional<Undecided> undecided(const Wish& wish, Now now) const;
  /// Stores what was changed since the last call. `done` is told whether it is on the disk, on the journal's
  /// thread; without a journal at once.
  void commit(Done done);
  [[nodiscard]] std::optional<Placed> find(std::string_view service, std::string_view key) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  /// Of one service, or of all if the name is empty; by service and key.
  [[nodiscard]] std::vector<Placed> list(std::string_view service) const;
  /// Ends a placement and frees its seats; false if there is none. See commit().
  [[nodiscard]] bool remove(std::string_view service, std::string_view key);
  /// Ends what is over. Now and then.
  void sweep(std::uint64_t now_ms);

 private:
  struct Entry {
    Row row;
    std::shared_ptr<balancing::Reservation> reservation;  // null: its server has not appeared since the start
    std::uint64_t keep_until_ms = 0;                      // for users who may come back
    bool lapsed = false;                                  // its seats' time is over
  };
  using Name = std::pair<std::string, std::string>;  // service, key
  using Entries = std::map<Name, Entry, std::less<>>;
  /// What one wish will change: seats that are reserved, but in no reservation yet.
  struct Step {
    Entries::iterator entry;  // end(): new
    const balancing::Service* service = nullptr;
    std::uint32_t server = 0;
    std::uint32_t seats = 0;
    bool stays = false;  // on the server that it has
  };

  [[nodiscard]] std::expected<Step, PlaceError> plan(const Wish& wish, Now now);
  [[nodiscard]] std::expected<Step, PlaceError> plan_new(const Wish& wish, Step step, Now now) const;
  [[nodiscard]] std::optional<std::uint32_t> usable_server(const balancing::Service& service,
                                                           const Entry& entry, Now now) const;
  [[nodiscard]] Placed apply(const Wish& wish, const Step& step, Now now);
  void reserve_again(Entry& entry, const balancing::Service& service, std::uint32_t server);
  void note_arrivals();
  Entries::iterator erase(Entries::iterator at);

  balancing::Admissions& admissions_;
  std::unique_ptr<Journal> journal_;
  FindService find_service_;
  Entries entries_;
  std::unordered_map<balancing::PlacementId, Entries::iterator> by_id_;
  std::vector<Change> uncommitted_;
  std::uint64_t tickets_swept_ms_ = 0;
  std::size_t without_server_ = 0;  // entries without a reservation
};

/// A random number that can't be guessed, never 0: for placement ids and nonces.
[[nodiscard]] std::uint64_t random_id();

}  // namespace limpet::placement
