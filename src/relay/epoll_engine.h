#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/reactor.h"
#include "net/timer.h"
#include "relay/engine.h"
#include "relay/tunnel_record.h"

namespace limpet::relay {

/// See make_epoll_engine(). The io_uring engine is one too, with another way for the tunnels that gain by it.
class EpollEngine : public Engine, public net::TokenSink {
 public:
  EpollEngine(net::Reactor& reactor, base::Duration half_open_timeout);
  ~EpollEngine() override;
  EpollEngine(const EpollEngine&) = delete;
  EpollEngine& operator=(const EpollEngine&) = delete;

  void adopt(Tunnel tunnel) override;
  [[nodiscard]] std::size_t open() const noexcept override { return slab_.used(); }
  [[nodiscard]] std::size_t close_some(std::size_t most,
                                       const std::function<bool(const TunnelOwner&)>& wanted,
                                       std::uint16_t code, std::string_view reason,
                                       base::Duration patience) override;
  [[nodiscard]] std::size_t count_open(
      const std::function<bool(const TunnelOwner&)>& wanted) const noexcept override;

 protected:
  [[nodiscard]] static std::uintptr_t token_of(const Record& tunnel, Side side) noexcept;
  [[nodiscard]] static Record& record_of(std::uintptr_t token) noexcept;
  [[nodiscard]] static Side side_of(std::uintptr_t token) noexcept;

  void on_token(std::uintptr_t token, std::uint32_t events) noexcept override;
  /// Takes the sockets back from who else watches them, before a Close. False when the tunnel is gone.
  virtual bool take_back(Record& /*tunnel*/) noexcept { return true; }
  /// Ends the tunnel's operations, before its sockets are closed.
  virtual void call_off(Record& /*tunnel*/) noexcept {}

  // Null when the tunnel has ended already.
  Record* carry(Tunnel tunnel);
  // Each returns false when the tunnel is gone.
  bool handle_events(Record& tunnel, Side side, std::uint32_t events) noexcept;
  bool pump(Record& tunnel, Side from, bool hang_up) noexcept;
  bool forward(Record& tunnel, Side from, std::span<const char> bytes) noexcept;
  bool send_on(Record& tunnel, Side from, std::span<const char> bytes) noexcept;
  bool flush(Record& tunnel, Side from) noexcept;
  bool sender_closed(Record& tunnel, Side from) noexcept;
  bool broken(Record& tunnel, Side side) noexcept;
  void count(Record& tunnel, Side from, std::span<const char> bytes) noexcept;
  void touch(Record& tunnel) noexcept;
  void end_all() noexcept;
  [[nodiscard]] net::Reactor& reactor() noexcept { return reactor_; }
  [[nodiscard]] RecordSlab& slab() noexcept { return slab_; }

 private:
  static constexpr std::size_t kBufferSize = 256 * 1024;
  static constexpr std::size_t kShare = 1024 * 1024;  // bytes one direction may move in a turn

  bool finish_flow(Record& tunnel, Side from) noexcept;
  bool send_close_frame(Record& tunnel, Side from) noexcept;
  void end(Record& tunnel, CloseReason reason) noexcept;
  void begin_close(Record& tunnel, std::uint16_t code, std::uint32_t patience_seconds) noexcept;
  void set_timeout(Record& tunnel, std::uint32_t seconds, CloseReason reason) noexcept;
  void limit_silence(Record& tunnel, std::uint32_t seconds, CloseReason reason) noexcept;
  void continue_queued() noexcept;
  [[nodiscard]] std::uint32_t seconds() const noexcept;
  static void sweep(void* self) noexcept;

  net::Reactor& reactor_;
  std::uint32_t half_open_seconds_;
  base::TimePoint start_;
  std::unique_ptr<char[]> buffer_;
  RecordSlab slab_;
  struct Queued {
    Record* tunnel;
    Side from;
  };
  std::vector<Queued> queued_;  // directions with more to read than their share
  net::Timer sweep_timer_;
  std::size_t with_timeout_ = 0;
  std::string close_reason_;     // of the last close
  std::size_t next_closed_ = 0;  // where close_some() looks on, so that steps don't look at the same again
};

}  // namespace limpet::relay
