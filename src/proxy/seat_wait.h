#pragma once

#include <coroutine>
#include <expected>
#include <memory>
#include <optional>

#include "balancing/seat_queue.h"
#include "base/clock.h"
#include "net/timer.h"
#include "proxy/client_connection.h"

namespace limpet::proxy {

/// A request's place in the queue for a seat. Ends with the turn, or without one: at the deadline, when the
/// client leaves, when the thread takes no more connections, or at once when the queue is full. To be awaited
/// once, on the connection's thread.
class SeatWait final : public balancing::Waiter {
 public:
  /// `service` said `refused` (kWait); if the turn does not come by `deadline`, its `after_wait` is the
  /// result.
  SeatWait(ClientConnection& connection, std::shared_ptr<const balancing::Service> service,
           const balancing::Choice& wanted, const balancing::Refused& refused, base::TimePoint deadline);
  SeatWait(const SeatWait&) = delete;
  SeatWait& operator=(const SeatWait&) = delete;
  ~SeatWait() = default;

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiter);
  [[nodiscard]] std::expected<balancing::Turn, balancing::Refusal> await_resume();

  /// Ends the wait without a turn, unless it is on its way.
  void give_up() noexcept;

 private:
  void served(balancing::Turn turn) noexcept override;
  void look_again(base::TimePoint at) noexcept override;
  static void time_is_up(void* self) noexcept;
  static void hung_up(void* self) noexcept;
  void arm() noexcept;

  ClientConnection& connection_;
  std::shared_ptr<const balancing::Service> service_;  // shared with its snapshot: it is asked while we wait
  balancing::Refusal refusal_;
  base::TimePoint deadline_;
  base::TimePoint look_at_ = base::TimePoint::max();
  net::Timer timer_;
  std::coroutine_handle<> waiter_;
  std::optional<balancing::Turn> turn_;
  /// What other threads post must not find us gone; shared with those posts.
  std::shared_ptr<SeatWait*> self_ = std::make_shared<SeatWait*>(this);
};

}  // namespace limpet::proxy
