#include "proxy/seat_wait.h"

#include <algorithm>
#include <utility>

namespace limpet::proxy {

SeatWait::SeatWait(ClientConnection& connection, std::shared_ptr<const balancing::Service> service,
                   const balancing::Choice& wanted, const balancing::Refused& refused,
                   base::TimePoint deadline)
    : connection_(connection),
      service_(std::move(service)),
      refusal_(refused.after_wait),
      deadline_(deadline),
      timer_(&SeatWait::time_is_up, this) {
  choice = wanted;
  is_new = balancing::waits_as_new(refused);
}

bool SeatWait::await_suspend(std::coroutine_handle<> waiter) {
  if (connection_.socket().hung_up() || connection_.worker().stopping()) return false;
  waiter_ = waiter;
  if (!service_->state().queue().join(*this, service_, service_->queue_limit())) {
    refusal_ = balancing::Refusal::kQueueFull;
    return false;
  }
  arm();
  connection_.set_waiting(this);
  connection_.socket().on_hang_up(&SeatWait::hung_up, this);
  return true;
}

std::expected<balancing::Turn, balancing::Refusal> SeatWait::await_resume() {
  timer_.disarm();
  connection_.set_waiting(nullptr);
  connection_.socket().on_hang_up(nullptr, nullptr);
  *self_ = nullptr;
  if (!turn_) return std::unexpected(refusal_);
  return std::move(*turn_);
}

void SeatWait::served(balancing::Turn turn) noexcept {
  turn_ = std::move(turn);
  connection_.worker().reactor().post([this] { waiter_.resume(); });
}

void SeatWait::look_again(base::TimePoint at) noexcept {
  connection_.worker().reactor().post([self = self_, at] {
    if (*self == nullptr) return;
    (*self)->look_at_ = at;
    (*self)->arm();
  });
}

void SeatWait::arm() noexcept {
  connection_.worker().reactor().timers().arm(timer_, std::min(deadline_, look_at_));
}

void SeatWait::time_is_up(void* self) noexcept {
  auto* wait = static_cast<SeatWait*>(self);
  const base::TimePoint now = wait->connection_.worker().reactor().now();
  if (now >= wait->deadline_) {
    wait->give_up();
    return;
  }
  wait->look_at_ = base::TimePoint::max();
  wait->arm();
  wait->service_->state().queue().serve(now);
}

void SeatWait::hung_up(void* self) noexcept {
  static_cast<SeatWait*>(self)->give_up();
}

void SeatWait::give_up() noexcept {
  if (service_->state().queue().leave(*this)) connection_.worker().reactor().resume_soon(waiter_);
}

}  // namespace limpet::proxy
