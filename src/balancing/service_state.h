#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace limpet::balancing {

/// The live state of one service, keyed by its qualified name. It outlives configuration changes like its
/// servers' states. Any thread may read; no locks.
class ServiceState {
 public:
  /// `threads`: data-plane threads, each of which counts for itself.
  ServiceState(std::string name, std::uint32_t threads);
  ServiceState(const ServiceState&) = delete;
  ServiceState& operator=(const ServiceState&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Users who are held now, since no server can take them yet.
  [[nodiscard]] std::uint32_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  /// New users ever: requests for which a server was chosen anew, and those that began to wait, each once.
  /// Never falls.
  [[nodiscard]] std::uint64_t arrivals() const noexcept;

  /// A new user has come. `thread` is the caller's own.
  void note_arrival(std::uint32_t thread) noexcept;
  void wait_began() noexcept { waiting_.fetch_add(1, std::memory_order_relaxed); }
  void wait_ended() noexcept { waiting_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  struct alignas(64) Count {
    std::atomic<std::uint64_t> value{0};
  };
  std::string name_;
  std::atomic<std::uint32_t> waiting_{0};
  std::uint32_t threads_;
  std::unique_ptr<Count[]> arrivals_;  // by thread
};

}  // namespace limpet::balancing
