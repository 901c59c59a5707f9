#pragma once

#include <atomic>
#include <cstdint>

namespace limpet::telemetry {

/// A number that only grows. One thread writes it, with a load and a store and no locked instruction; any
/// thread reads.
class Counter {
 public:
  /// Writing thread only.
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down. One thread writes it, any thread reads.
class Gauge {
 public:
  /// Writing thread only.
  void add(std::int64_t amount) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace limpet::telemetry
