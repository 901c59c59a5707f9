#pragma once

#include <expected>
#include <functional>
#include <string>

#include "net/address.h"
#include "net/fd.h"
#include "net/reactor.h"
#include "net/timer.h"

namespace limpet::net {

/// Opens a listening socket. A stale Unix socket file (nobody accepts on it) is replaced. Fails with a
/// sentence.
[[nodiscard]] std::expected<Fd, std::string> listen_on(const SocketAddress& address, bool reuse_port);

/// The address a socket is bound to (the real port where 0 was asked for).
[[nodiscard]] SocketAddress local_address(int fd) noexcept;

/// Accepts on a listening socket that several reactors share. When descriptors run out it says so and pauses
/// for a tenth of a second, instead of spinning. The reactor's thread.
class Listener final : public EventHandler {
 public:
  using Accepted = std::move_only_function<void(Fd fd, const SocketAddress& peer)>;
  using Exhausted = std::move_only_function<void()>;
  /// `fd` stays owned by the caller and outlives the listener. `exhausted` is called whenever a connection
  /// waits that there is no descriptor or memory for.
  Listener(Reactor& reactor, int fd, Accepted accepted, Exhausted exhausted = {});
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();
  /// Takes no more connections.
  void stop() noexcept;

 private:
  void on_events(std::uint32_t events) noexcept override;
  void run_short(int code) noexcept;
  void pause() noexcept;
  static void resume(void* self) noexcept;

  Reactor& reactor_;
  int fd_;
  Accepted accepted_;
  Exhausted exhausted_;
  Timer pause_;
  base::TimePoint warned_ = base::TimePoint::min();
  bool listening_ = false;
};

}  // namespace limpet::net
