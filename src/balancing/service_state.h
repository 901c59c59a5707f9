#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace limpet::balancing {

class SeatQueue;

/// The live state of one service, keyed by its qualified name. It outlives configuration changes like its
/// servers' states. Any thread may read; no locks but the queue's.
class ServiceState {
 public:
  /// `threads`: data-plane threads, each of which counts for itself.
  ServiceState(std::string name, std::uint32_t threads);
  ServiceState(const ServiceState&) = delete;
  ServiceState& operator=(const ServiceState&) = delete;
  ~ServiceState();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// New users who are held now, since no server can take them yet.
  [[nodiscard]] std::uint32_t waiting() const noexcept { return newcomers_.load(std::memory_order_relaxed); }
  /// New users ever: requests for which a server was chosen anew, and those that began to wait, each once.
  /// Never falls.
  [[nodiscard]] std::uint64_t arrivals() const noexcept;

  /// A new user has come. `thread` is the caller's own.
  void note_arrival(std::uint32_t thread) noexcept;

  /// Who waits for a seat: new users, and those who wait for the server they are bound to.
  [[nodiscard]] SeatQueue& queue() noexcept { return *queue_; }
  /// A seat is free, or a server takes users again: serves those who wait. Costs one load if nobody does.
  /// After what brought it about, by a sequentially consistent operation.
  void seat_may_be_free() noexcept {
    if (waiting_.load(std::memory_order_seq_cst) != 0) serve_queue();
  }

 private:
  struct alignas(64) Count {
    std::atomic<std::uint64_t> value{0};
  };
  void serve_queue() noexcept;

  std::string name_;
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<std::uint32_t> newcomers_{0};  // of those
  std::unique_ptr<SeatQueue> queue_;
  std::uint32_t threads_;
  std::unique_ptr<Count[]> arrivals_;  // by thread
};

}  // namespace limpet::balancing
