#include "balancing/seat_queue.h"

#include <algorithm>
#include <utility>

namespace limpet::balancing {

bool SeatQueue::join(Waiter& waiter, const std::shared_ptr<const Service>& service, std::uint32_t most) {
  const std::scoped_lock lock(mutex_);
  if (new_.size() + bound_.size() >= most) return false;
  waiter.number_ = next_number_++;
  waiter.waits_ = true;
  waiter.service_ = service.get();
  (waiter.is_new ? new_ : bound_).emplace(waiter.number_, &waiter);
  if (service_.expired()) service_ = service;
  latest_ = std::max(latest_, waiter.choice.now);
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  if (waiter.is_new) newcomers_.fetch_add(1, std::memory_order_relaxed);
  // Who freed a seat before it saw us waiting has told nobody: so look once more, after being seen.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  serve_line();
  return true;
}

bool SeatQueue::leave(Waiter& waiter) noexcept {
  const std::scoped_lock lock(mutex_);
  if (!waiter.waits_) return false;
  remove(waiter);
  // It may have been the one to look again.
  serve_line();
  return true;
}

void SeatQueue::serve(base::TimePoint now) noexcept {
  const std::scoped_lock lock(mutex_);
  latest_ = std::max(latest_, now);
  serve_line();
}

void SeatQueue::serve() noexcept {
  const std::scoped_lock lock(mutex_);
  serve_line();
}

void SeatQueue::use(std::weak_ptr<const Service> service, base::TimePoint now) noexcept {
  const std::scoped_lock lock(mutex_);
  service_ = std::move(service);
  latest_ = std::max(latest_, now);
  serve_line();
}

void SeatQueue::remove(Waiter& waiter) noexcept {
  (waiter.is_new ? new_ : bound_).erase(waiter.number_);
  waiter.waits_ = false;
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  if (waiter.is_new) newcomers_.fetch_sub(1, std::memory_order_relaxed);
}

bool SeatQueue::serve_one(const std::shared_ptr<const Service>& service, Waiter& waiter) noexcept {
  Choice choice = waiter.choice;
  choice.now = latest_;
  choice.waited = true;
  // The servers tried are numbered by another list.
  if (waiter.service_ != service.get()) choice.tried = nullptr;
  auto selected = service->choose(choice);
  if (!selected) return false;
  remove(waiter);
  waiter.served({.service = service, .selected = std::move(*selected)});
  return true;
}

void SeatQueue::serve_line() noexcept {
  if (new_.empty() && bound_.empty()) return;
  const std::shared_ptr<const Service> service = service_.lock();
  if (service == nullptr) return;
  auto next_new = new_.begin();
  auto next_bound = bound_.begin();
  while (next_new != new_.end() || next_bound != bound_.end()) {
    const bool turn_of_new =
        next_bound == bound_.end() || (next_new != new_.end() && next_new->first < next_bound->first);
    Waiter& waiter = *(turn_of_new ? next_new++ : next_bound++)->second;
    const bool all_alike = turn_of_new && (waiter.choice.tried == nullptr || waiter.choice.tried->empty());
    // Where one who would take any server finds none, the others need not look.
    if (!serve_one(service, waiter) && all_alike) next_new = new_.end();
  }
  const base::TimePoint again = service->next_return(latest_);
  if (again == base::TimePoint::max() || (new_.empty() && bound_.empty())) return;
  const bool first_is_new = bound_.empty() || (!new_.empty() && new_.begin()->first < bound_.begin()->first);
  (first_is_new ? new_ : bound_).begin()->second->look_again(again);
}

}  // namespace limpet::balancing
