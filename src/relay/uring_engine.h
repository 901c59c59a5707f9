#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "net/reactor.h"
#include "relay/batch_pace.h"
#include "relay/epoll_engine.h"
#include "relay/ring.h"
#include "relay/tunnel_record.h"

namespace limpet::relay {

/// See make_uring_engine(). A tunnel begins as the epoll engine's. When it has carried some small messages in
/// a row, it changes to the ring: a standing receive for each socket puts messages into buffers that all
/// share, and they are sent from there; one system call a turn submits all sends and collects all receives.
/// Whatever is not a small message to a receiver with room for it (bulk, a slow receiver, an end, an ordered
/// Close) brings the tunnel back to epoll. So sends never wait in the kernel, and hold no buffer for longer
/// than a turn.
class UringEngine final : public EpollEngine, public net::Waiter {
 public:
  /// Throws std::system_error where the kernel does not allow io_uring. `small_reads`: after so many in a row
  /// a tunnel changes to the ring, 0: at once. `batch_delay`: see make_engine().
  UringEngine(net::Reactor& reactor, base::Duration half_open_timeout, std::uint8_t small_reads,
              base::Duration batch_delay);
  ~UringEngine() override;
  UringEngine(const UringEngine&) = delete;
  UringEngine& operator=(const UringEngine&) = delete;

  void adopt(Tunnel tunnel) override;

 private:
  struct Outgoing {
    Record* tunnel;
    Side from;
  };
  struct Failed {
    Record* tunnel;
    Side from;
    bool broken;
  };

  void on_token(std::uintptr_t token, std::uint32_t events) noexcept override;
  bool take_back(Record& tunnel) noexcept override;
  void call_off(Record& tunnel) noexcept override;
  [[nodiscard]] bool wait(int timeout_ms) noexcept override;
  [[nodiscard]] bool handle() noexcept override;

  [[nodiscard]] static bool fits_ring(const Record& tunnel) noexcept;
  void enter_ring(Record& tunnel) noexcept;
  void receive(Record& tunnel, Side from) noexcept;
  void cancel_receives(Record& tunnel) noexcept;
  void queue_sends() noexcept;
  void note_failed_send(const io_uring_cqe& completion) noexcept;
  void finish_sends() noexcept;
  void received(Record& tunnel, Side from, const io_uring_cqe& completion) noexcept;
  // Each returns false when the tunnel is gone.
  bool receive_stopped(Record& tunnel, Side from, int result) noexcept;
  bool take_bytes(Record& tunnel, Side from, std::uint16_t buffer, std::size_t size) noexcept;
  bool watch_by_epoll(Record& tunnel) noexcept;
  [[nodiscard]] std::span<const char> contents(std::uint16_t buffer) noexcept;

  std::uint8_t small_reads_;
  std::size_t receives_ = 0;  // in flight
  bool epoll_watched_ = false;
  bool at_end_ = false;
  std::array<std::uint16_t, Ring::kBuffers> filled_{};  // bytes in each buffer that waits to be sent
  std::vector<Outgoing> outgoing_;                      // flows with a buffer to be sent
  std::vector<Failed> failed_;
  Ring ring_;
  BatchPace pace_;
};

}  // namespace limpet::relay
