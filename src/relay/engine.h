#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/fd.h"
#include "net/reactor.h"
#include "telemetry/traffic.h"

/// Tunnels: an upgraded connection's two sockets and the bytes between them.
namespace limpet::relay {

/// Who ended a tunnel.
enum class CloseReason : std::uint8_t {
  kClient,  ///< the client closed first
  kServer,  ///< the server closed first
  kClientReset,
  kServerReset,
  kIdle,      ///< no byte either way for the tunnel's idle timeout
  kHalfOpen,  ///< one side closed and the other was silent for too long
  kOrdered,   ///< close(): shutdown or drain
};
[[nodiscard]] std::string_view close_reason_name(CloseReason reason) noexcept;

/// What a tunnel carried. Bytes and messages are counted as they are read from their sender; what is dropped
/// behind a Close of ours does not count.
struct TunnelSummary {
  CloseReason reason = CloseReason::kClient;
  std::uint64_t bytes_to_server = 0;
  std::uint64_t bytes_to_client = 0;
  std::uint64_t messages_to_server = 0;  ///< whole data messages; 0 if the tunnel is not a WebSocket
  std::uint64_t messages_to_client = 0;
};

/// Who a tunnel belongs to: is told of its end, holds its seat meanwhile.
class TunnelOwner {
 public:
  TunnelOwner() = default;
  TunnelOwner(const TunnelOwner&) = delete;
  TunnelOwner& operator=(const TunnelOwner&) = delete;
  virtual ~TunnelOwner() = default;
  /// Called once, after both sockets are closed and before the owner is destroyed. The engine's thread.
  virtual void closed(const TunnelSummary& summary) noexcept = 0;
};

/// A tunnel to be carried. Both sockets are non-blocking and registered with the engine's reactor.
struct Tunnel {
  net::Fd client;
  net::Fd server;
  std::string early_to_server;  ///< bytes read behind the request's head
  std::string early_to_client;  ///< bytes read behind the answer's head, and what is left of the head itself
  std::size_t uncounted_to_client =
      0;  ///< so many bytes at the front of early_to_client are not the tunnel's
  /// Whether events have come that nobody has read after; if in doubt, they have.
  bool client_may_have_input = true;
  bool server_may_have_input = true;
  std::unique_ptr<TunnelOwner> owner;
  telemetry::TrafficCounters* traffic =
      nullptr;                    ///< this thread's block of the server's; kept alive by the owner
  bool websocket = true;          ///< count frames; Close frames can be sent
  base::Duration idle_timeout{};  ///< 0: never
};

/// Carries tunnels on one thread, nested in the reactor that accepted and connected their sockets, so that an
/// upgrade costs no system call and both sockets stay on one CPU. An idle tunnel is one small record: no
/// buffer, no timer. Backpressure: a direction whose receiver is slow holds at most one buffer (256 KiB) and
/// its sender is not read.
class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  /// Takes a tunnel over and starts to carry it. It may end before this returns.
  virtual void adopt(Tunnel tunnel) = 0;
  [[nodiscard]] virtual std::size_t open() const noexcept = 0;
  /// Starts to close every tunnel that `wanted` says (all, if empty) with a WebSocket Close of this code and
  /// reason, at the next frame boundary of each direction; then waits for the peers up to `patience` and
  /// closes hard. Tunnels that are not WebSockets are closed at once.
  void close(const std::function<bool(const TunnelOwner&)>& wanted, std::uint16_t code,
             std::string_view reason, base::Duration patience) {
    (void)close_some(open(), wanted, code, reason, patience);
  }
  /// The same for at most `most` of those that are not being closed yet; returns how many. Closing all of n
  /// tunnels in steps costs about one look at each, not one for each step.
  [[nodiscard]] virtual std::size_t close_some(std::size_t most,
                                               const std::function<bool(const TunnelOwner&)>& wanted,
                                               std::uint16_t code, std::string_view reason,
                                               base::Duration patience) = 0;
  /// How many tunnels `wanted` says that are not being closed yet.
  [[nodiscard]] virtual std::size_t count_open(
      const std::function<bool(const TunnelOwner&)>& wanted) const noexcept = 0;
};

/// How long a tunnel may stay silent after one side has closed.
inline constexpr base::Duration kHalfOpenTimeout = std::chrono::seconds(60);

/// The portable engine: edge-triggered epoll with one shared buffer.
[[nodiscard]] std::unique_ptr<Engine> make_epoll_engine(net::Reactor& reactor,
                                                        base::Duration half_open_timeout = kHalfOpenTimeout);

/// After so many small reads in a row a tunnel is carried by the ring.
inline constexpr std::uint8_t kSmallReadsForRing = 16;

/// The engine on io_uring: small messages by standing receives and batched sends, everything else as the
/// epoll engine does it. Belongs to the thread that turns the reactor. Throws std::system_error where the
/// kernel does not allow it. `batch_delay`: see make_engine().
[[nodiscard]] std::unique_ptr<Engine> make_uring_engine(net::Reactor& reactor,
                                                        base::Duration half_open_timeout = kHalfOpenTimeout,
                                                        std::uint8_t small_reads = kSmallReadsForRing,
                                                        base::Duration batch_delay = base::Duration(0));

/// Why io_uring can't be used here, for the log; nothing if it can. Tries it with a connection over the
/// loopback; blocks for half a second at worst.
[[nodiscard]] std::optional<std::string> why_no_uring();

enum class EngineKind : std::uint8_t { kEpoll, kUring };

/// The engine that `dataPath.engine` means on this machine: auto, epoll or io_uring. Says so in the log if it
/// is not the wanted one.
[[nodiscard]] EngineKind choose_engine(std::string_view wanted);
/// An engine of this kind, or the portable one if the kernel refuses, which is logged. `batch_delay`
/// (io_uring on Linux 6.12 and later; 0: none): a thread that carries so many small messages that others are
/// to be expected in that time waits for them before it wakes. See BatchPace.
[[nodiscard]] std::unique_ptr<Engine> make_engine(EngineKind kind, net::Reactor& reactor,
                                                  base::Duration batch_delay = base::Duration(0));
/// Why a `batch_delay` would have no effect with this engine on this machine; nothing if it would.
[[nodiscard]] std::optional<std::string> why_no_batch_delay(EngineKind kind);

}  // namespace limpet::relay
