#pragma once

#include <atomic>
#include <cstdint>

namespace limpet::telemetry {

/// Traffic counters of one server. Each block is written by one data-plane thread and read by any.
struct alignas(64) TrafficCounters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> tunnels{0};  ///< opened
  std::atomic<std::uint64_t> messages_to_server{0};
  std::atomic<std::uint64_t> messages_to_client{0};
  std::atomic<std::uint64_t> bytes_to_server{0};
  std::atomic<std::uint64_t> bytes_to_client{0};
  std::atomic<std::uint64_t> failures{0};  ///< connects refused, timeouts, broken answers

  /// Adds on the owning thread: a load and a store, no locked instruction.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
};

}  // namespace limpet::telemetry
