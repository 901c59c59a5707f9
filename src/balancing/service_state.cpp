#include "balancing/service_state.h"

#include <utility>

#include "balancing/seat_queue.h"

namespace limpet::balancing {

ServiceState::ServiceState(std::string name, std::uint32_t threads)
    : name_(std::move(name)),
      queue_(std::make_unique<SeatQueue>(waiting_, newcomers_)),
      threads_(threads),
      arrivals_(std::make_unique<Count[]>(threads)) {}

ServiceState::~ServiceState() = default;

std::uint64_t ServiceState::arrivals() const noexcept {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < threads_; ++i) sum += arrivals_[i].value.load(std::memory_order_relaxed);
  return sum;
}

void ServiceState::note_arrival(std::uint32_t thread) noexcept {
  std::atomic<std::uint64_t>& count = arrivals_[thread].value;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void ServiceState::serve_queue() noexcept {
  queue_->serve();
}

}  // namespace limpet::balancing
