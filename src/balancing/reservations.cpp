#include "balancing/reservations.h"

namespace limpet::balancing {

std::uint32_t Reservation::held() const noexcept {
  const std::uint64_t counts = counts_.load(std::memory_order_acquire) & ~kClosed;
  return static_cast<std::uint32_t>(counts) + static_cast<std::uint32_t>(counts >> kClaimedShift);
}

bool Reservation::closed() const noexcept {
  return (counts_.load(std::memory_order_acquire) & kClosed) != 0;
}

bool Reservation::add(std::uint32_t seats) noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  do {
    if ((counts & kClosed) != 0) return false;
  } while (!counts_.compare_exchange_weak(counts, counts + seats, std::memory_order_acq_rel));
  return true;
}

void Reservation::release_free() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  while (!counts_.compare_exchange_weak(counts, counts - static_cast<std::uint32_t>(counts),
                                        std::memory_order_acq_rel)) {
  }
  server_->release_reserved(static_cast<std::uint32_t>(counts));
}

void Reservation::close() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  std::uint64_t emptied = 0;
  do {
    if ((counts & kClosed) != 0) return;
    emptied = (counts >> kClaimedShift << kClaimedShift) | kClosed;
  } while (!counts_.compare_exchange_weak(counts, emptied, std::memory_order_acq_rel));
  server_->release_reserved(static_cast<std::uint32_t>(counts));
}

bool Reservation::claim() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  do {
    if (static_cast<std::uint32_t>(counts) == 0) return false;
  } while (!counts_.compare_exchange_weak(counts, counts - 1 + kOneClaimed, std::memory_order_acq_rel));
  return true;
}

void Reservation::give_back() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    after = counts - kOneClaimed + ((counts & kClosed) == 0 ? 1 : 0);
  } while (!counts_.compare_exchange_weak(counts, after, std::memory_order_acq_rel));
  if ((counts & kClosed) != 0) server_->release_reserved(1);
}

void Reservation::consume(SeatKind kind) noexcept {
  counts_.fetch_sub(kOneClaimed, std::memory_order_acq_rel);
  server_->take_reserved(kind);
}

std::shared_ptr<Reservation> Reservations::find(PlacementId id) const {
  const Shard& shard = shards_[id % kShards];
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.by_id.find(id);
  return found == shard.by_id.end() ? nullptr : found->second;
}

void Reservations::set(std::shared_ptr<Reservation> reservation) {
  Shard& shard = shards_[reservation->id() % kShards];
  const std::scoped_lock lock(shard.mutex);
  shard.by_id[reservation->id()].swap(reservation);
}

void Reservations::erase(PlacementId id) {
  Shard& shard = shards_[id % kShards];
  const std::scoped_lock lock(shard.mutex);
  shard.by_id.erase(id);
}

void Reservations::note_arrival(PlacementId id) {
  const std::scoped_lock lock(arrivals_mutex_);
  arrivals_.push_back(id);
}

std::vector<PlacementId> Reservations::take_arrivals() {
  const std::scoped_lock lock(arrivals_mutex_);
  return std::exchange(arrivals_, {});
}

Claim::Claim(Reservations& reservations, std::shared_ptr<Reservation> reservation, bool wants_seat) noexcept
    : reservations_(&reservations), reservation_(std::move(reservation)) {
  reservation_->present_.fetch_add(1, std::memory_order_relaxed);
  has_seat_ = wants_seat && reservation_->claim();
}

Claim& Claim::operator=(Claim&& other) noexcept {
  if (this != &other) {
    release();
    reservations_ = other.reservations_;
    reservation_ = std::move(other.reservation_);
    has_seat_ = std::exchange(other.has_seat_, false);
  }
  return *this;
}

Seat Claim::take_seat(SeatKind kind, Counted counted) {
  has_seat_ = false;
  reservation_->consume(kind);
  // Before the seat can be free again, which is what take_arrivals() promises.
  reservations_->note_arrival(reservation_->id());
  ServerState& server = *reservation_->server();
  if (kind == SeatKind::kTunnel && !counted.tunnel) server.stop_counting();
  return {server, kind, counted};
}

void Claim::release() noexcept {
  if (reservation_ == nullptr) return;
  if (std::exchange(has_seat_, false)) reservation_->give_back();
  reservation_->present_.fetch_sub(1, std::memory_order_relaxed);
  reservation_.reset();
}

}  // namespace limpet::balancing
