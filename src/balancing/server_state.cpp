#include "balancing/server_state.h"

#include <algorithm>
#include <chrono>

#include "base/hash.h"

namespace limpet::balancing {
namespace {

constexpr unsigned kCountBits = 24;
constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;
constexpr std::uint64_t kStartMask = (std::uint64_t{1} << (64 - kCountBits)) - 1;

std::uint64_t milliseconds_of(base::Duration duration) noexcept {
  return static_cast<std::uint64_t>(std::chrono::floor<std::chrono::milliseconds>(duration).count());
}

}  // namespace

ServerState::ServerState(std::string service, std::string url, std::uint32_t threads, std::uint64_t number,
                         std::shared_ptr<ServiceState> service_state)
    : service_(std::move(service)),
      url_(std::move(url)),
      id_(base::hex16(base::fnv1a_64(service_ + "|" + url_))),
      number_(number),
      service_state_(std::move(service_state)),
      threads_(threads),
      traffic_(std::make_unique<TrafficCounters[]>(threads)) {}

// Adds `count` times `each` if that many more seats are within the capacity.
bool ServerState::try_add(std::uint32_t count, std::uint64_t each, std::uint32_t capacity) noexcept {
  if (capacity == 0) {
    seats_.fetch_add(count * each, std::memory_order_relaxed);
    return true;
  }
  // In one order with releases and with the count of those who wait, so that no free seat is overlooked.
  std::uint64_t seats = seats_.load(std::memory_order_seq_cst);
  do {
    if (std::uint64_t{taken_of(seats)} + reserved_of(seats) + count > capacity) return false;
  } while (!seats_.compare_exchange_weak(seats, seats + count * each, std::memory_order_acquire,
                                         std::memory_order_relaxed));
  return true;
}

bool ServerState::try_take_seat(SeatKind kind, std::uint32_t capacity) noexcept {
  if (!try_add(1, 1, capacity)) return false;
  if (kind == SeatKind::kTunnel) tunnels_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void ServerState::release_seat(SeatKind kind) noexcept {
  if (kind == SeatKind::kTunnel) tunnels_.fetch_sub(1, std::memory_order_relaxed);
  stop_counting();
}

void ServerState::stop_counting() noexcept {
  seats_.fetch_sub(1, std::memory_order_seq_cst);
  if (service_state_ != nullptr) service_state_->seat_may_be_free();
}

bool ServerState::try_reserve(std::uint32_t count, std::uint32_t capacity) noexcept {
  return count == 0 || try_add(count, kOneReserved, capacity);
}

void ServerState::release_reserved(std::uint32_t count) noexcept {
  seats_.fetch_sub(count * kOneReserved, std::memory_order_seq_cst);
  if (service_state_ != nullptr) service_state_->seat_may_be_free();
}

void ServerState::take_reserved(SeatKind kind) noexcept {
  if (kind == SeatKind::kTunnel) tunnels_.fetch_add(1, std::memory_order_relaxed);
  seats_.fetch_sub(kOneReserved - 1, std::memory_order_acq_rel);
}

void ServerState::turn_into_tunnel() noexcept {
  tunnels_.fetch_add(1, std::memory_order_relaxed);
}

void ServerState::set_admin(AdminState state) noexcept {
  admin_.store(state, std::memory_order_seq_cst);
  if (service_state_ != nullptr && state == AdminState::kReady) service_state_->seat_may_be_free();
}

void ServerState::set_health(Health health) noexcept {
  health_.store(health, std::memory_order_seq_cst);
  if (service_state_ != nullptr && health != Health::kDown) service_state_->seat_may_be_free();
}

bool ServerState::note_failure(base::TimePoint now, base::Duration window,
                               std::uint32_t max_failures) noexcept {
  const std::uint64_t now_ms = milliseconds_of(now.time_since_epoch()) & kStartMask;
  const std::uint64_t limit = std::clamp<std::uint64_t>(max_failures, 1, kCountMask);
  std::uint64_t noted = failures_in_window_.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  bool reached = false;
  do {
    const std::uint64_t age = (now_ms - (noted >> kCountBits)) & kStartMask;
    const std::uint64_t count = noted & kCountMask;
    // A thread whose clock reading is a little older than the window's start sees an age near the maximum.
    const bool fresh = count != 0 && (age <= milliseconds_of(window) || age > kStartMask / 2);
    const std::uint64_t counted = fresh ? count + 1 : 1;
    reached = counted >= limit;
    next = reached ? 0 : ((fresh ? noted >> kCountBits : now_ms) << kCountBits) | counted;
  } while (!failures_in_window_.compare_exchange_weak(noted, next, std::memory_order_relaxed));
  if (reached) ejected_until_.store((now + window).time_since_epoch().count(), std::memory_order_relaxed);
  return reached;
}

bool ServerState::is_ejected(base::TimePoint now) const noexcept {
  return now.time_since_epoch().count() < ejected_until_.load(std::memory_order_relaxed);
}

base::TimePoint ServerState::ejected_until() const noexcept {
  return base::TimePoint(base::Duration(ejected_until_.load(std::memory_order_relaxed)));
}

ServerState::Totals ServerState::totals() const noexcept {
  Totals sum;
  for (std::uint32_t i = 0; i < threads_; ++i) {
    const TrafficCounters& part = traffic_[i];
    sum.requests += part.requests.load(std::memory_order_relaxed);
    sum.tunnels += part.tunnels.load(std::memory_order_relaxed);
    sum.messages_to_server += part.messages_to_server.load(std::memory_order_relaxed);
    sum.messages_to_client += part.messages_to_client.load(std::memory_order_relaxed);
    sum.bytes_to_server += part.bytes_to_server.load(std::memory_order_relaxed);
    sum.bytes_to_client += part.bytes_to_client.load(std::memory_order_relaxed);
    sum.failures += part.failures.load(std::memory_order_relaxed);
  }
  return sum;
}

std::shared_ptr<ServerState> ServerRegistry::find_or_add(std::string_view service, std::string_view url) {
  std::shared_ptr<ServerState>& state = states_[{std::string(service), std::string(url)}];
  if (state == nullptr) {
    state = std::make_shared<ServerState>(std::string(service), std::string(url), threads_, next_number_++,
                                          this->service(service));
  }
  return state;
}

std::shared_ptr<ServiceState> ServerRegistry::service(std::string_view name) {
  const auto found = services_.find(name);
  if (found != services_.end()) return found->second;
  return services_.emplace(name, std::make_shared<ServiceState>(std::string(name), threads_)).first->second;
}

void ServerRegistry::forget_unused() {
  // A count of one can't grow meanwhile: only this registry, on this thread, hands out a state nobody else
  // holds.
  std::erase_if(states_, [](const auto& entry) {
    return entry.second.use_count() == 1 && entry.second->seats_in_use() == 0;
  });
  std::erase_if(services_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

}  // namespace limpet::balancing
