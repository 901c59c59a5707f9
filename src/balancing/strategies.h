#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "balancing/server_state.h"
#include "base/clock.h"
#include "config/model/dynamic.h"
#include "net/address.h"

/// How a server is chosen for a user that nothing binds to one. Pure: no sockets, no clock but an argument.
namespace limpet::balancing {

/// The longest period of a schedule, unless there are more servers than that.
inline constexpr std::size_t kMaxSchedulePeriod = 65'536;

/// One period of smooth weighted round robin: indexes into `weights`, each as often as its weight after
/// division by the greatest common divisor, spread as evenly as can be (5:1:1 gives 0 0 1 0 2 0 0). Weight 0
/// does not appear. Weights that would make a period longer than `max_period` are scaled down, none below 1.
/// Costs one step for each place of the period and each distinct weight.
[[nodiscard]] std::vector<std::uint32_t> smooth_schedule(std::span<const std::uint32_t> weights,
                                                         std::size_t max_period = kMaxSchedulePeriod);

/// A server that may take new users as far as configuration goes: it has a weight and an address, and is not
/// fenced.
struct Candidate {
  ServerState* state = nullptr;  ///< kept alive by the service
  std::uint32_t server = 0;      ///< index into the service's servers
  std::uint32_t weight = 1;      ///< not 0
  std::uint32_t capacity = 0;    ///< most seats, 0: no limit
  std::uint64_t hrw_seed = 0;
};

/// Who asks for a server.
struct Newcomer {
  net::IpAddress client;
  base::TimePoint now{};
  SeatKind seat = SeatKind::kRequest;
  Counted counted{};                     ///< what does not count takes a full server, too
  std::span<const std::uint32_t> tried;  ///< servers (of the service) not to choose
};

/// The server chosen, its seat taken.
struct Picked {
  std::uint32_t server = 0;
  Seat seat;
};

/// Why none was chosen.
enum class PickFailure : std::uint8_t {
  kNoServer,  ///< none is up and ready
  kAllFull,   ///< those that are up and ready are full
};

/// Chooses servers for new users by a strategy. Immutable but for one atomic cursor; any thread.
///
/// `pack` takes the fullest server that stays at or below its soft limit, of equals the one known for
/// longest, so that others can become empty; if all are past it, or have no capacity, the emptiest. `spread`
/// takes the emptiest, of equals the one known for longest. Weights do not count for either.
///
/// What a choice costs, with n servers: wrr and p2c a few steps while most servers are up, n steps at worst;
/// hrw n hashes; leastconn, pack and spread n loads of a counter, leastconn fewer when a server is idle. With
/// 5,000 servers that is about 10 us for hrw and 20 us for leastconn, once for each new user: few enough not
/// to need a sorted structure that every thread would have to lock. Nothing waits or spins, whatever the
/// servers' state.
class Picker {
 public:
  /// The share of a server's capacity up to which `pack` fills it, where nothing else is said.
  static constexpr double kUsualSoft = 0.9;
  /// `seed` makes the random draws of two services differ. `soft`: see kUsualSoft.
  Picker(config::Strategy strategy, std::vector<Candidate> candidates, std::uint64_t seed,
         double soft = kUsualSoft);

  /// A server that is up, ready and has a seat, which is taken. If another thread is faster to the last seat,
  /// the next choice is tried.
  [[nodiscard]] std::expected<Picked, PickFailure> pick(const Newcomer& newcomer) const;

  /// Whether any server is up and ready, full or not.
  [[nodiscard]] bool any_takes_users(base::TimePoint now) const noexcept;

 private:
  [[nodiscard]] std::optional<std::size_t> select(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> next_in_schedule(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> random_by_weight(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> least_loaded(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> better_of_two(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> highest_score(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::expected<Picked, PickFailure> first_free(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> packed(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<std::size_t> emptiest(const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::optional<Picked> take_seat(std::size_t index, const Newcomer& newcomer) const noexcept;
  [[nodiscard]] std::uint64_t draw() const noexcept;

  config::Strategy strategy_;
  std::vector<Candidate> candidates_;
  std::uint64_t seed_;
  double soft_;
  bool equal_weights_ = true;
  std::vector<std::uint32_t> schedule_;  // for wrr, indexes into candidates_
  mutable std::atomic<std::uint64_t> cursor_{
      0};  // wrr: into schedule_; leastconn: where to look first; else counts draws
};

}  // namespace limpet::balancing
