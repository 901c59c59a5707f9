#include "balancing/service_state.h"

#include <utility>

namespace limpet::balancing {

ServiceState::ServiceState(std::string name, std::uint32_t threads)
    : name_(std::move(name)), threads_(threads), arrivals_(std::make_unique<Count[]>(threads)) {}

std::uint64_t ServiceState::arrivals() const noexcept {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < threads_; ++i) sum += arrivals_[i].value.load(std::memory_order_relaxed);
  return sum;
}

void ServiceState::note_arrival(std::uint32_t thread) noexcept {
  std::atomic<std::uint64_t>& count = arrivals_[thread].value;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace limpet::balancing
