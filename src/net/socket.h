#pragma once

#include <sys/uio.h>

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "base/failure.h"
#include "net/address.h"
#include "net/fd.h"
#include "net/reactor.h"
#include "net/timer.h"

namespace limpet::net {

/// Up to four pieces that are written with one system call.
class Pieces {
 public:
  Pieces() = default;
  explicit Pieces(std::string_view one) { add(one); }
  /// Empty pieces are left out. At most four.
  void add(std::string_view piece) noexcept;
  /// Takes `count` bytes off the front.
  void advance(std::size_t count) noexcept;
  [[nodiscard]] bool empty() const noexcept { return first_ == count_; }
  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::span<const iovec> vectors() const noexcept {
    return std::span(pieces_).subspan(first_, count_ - first_);
  }

 private:
  std::array<iovec, 4> pieces_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

/// A connected (or connecting) stream socket in a reactor, for coroutines. At most one read and one write
/// wait at a time. Every operation first tries the system call and suspends only if it would block, or if the
/// socket has had its share of this turn. Belongs to the reactor's thread; not movable; must not die while an
/// operation waits.
class Socket final : public EventHandler {
 public:
  /// Takes over a non-blocking socket and registers it. `side` is who is at the other end, for failures.
  /// `valid()` is false if the kernel refused the registration.
  Socket(Reactor& reactor, Fd fd, base::Side side) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  /// Starts to connect a new socket. The first write waits for the connection and reports its failure.
  [[nodiscard]] static std::expected<Fd, base::Failure> start_connect(const SocketAddress& address) noexcept;

  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] Reactor& reactor() const noexcept { return reactor_; }
  [[nodiscard]] base::Side side() const noexcept { return side_; }

  class Operation {
   public:
    [[nodiscard]] bool await_ready() noexcept { return socket_->start(*this); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept { waiter_ = waiter; }
    [[nodiscard]] std::expected<std::size_t, base::Failure> await_resume() noexcept { return result_; }

   private:
    friend class Socket;
    enum class Kind : std::uint8_t { kRead, kWaitReadable, kWrite };
    Operation(Socket& socket, Kind kind) noexcept : socket_(&socket), kind_(kind) {}
    Socket* socket_;
    Kind kind_;
    std::span<char> into_;
    Pieces from_;
    std::coroutine_handle<> waiter_;
    std::expected<std::size_t, base::Failure> result_ = std::size_t{0};
  };

  /// Reads at least one byte into `into` (not empty). Gives the count, 0 at the end of the stream.
  [[nodiscard]] Operation read(std::span<char> into) noexcept;
  /// Waits until the kernel has said that there is something to read, without holding a buffer. Gives 0.
  [[nodiscard]] Operation wait_readable() noexcept;
  /// Writes all of the pieces. Gives their size.
  [[nodiscard]] Operation write(const Pieces& pieces) noexcept;
  [[nodiscard]] Operation write(std::string_view bytes) noexcept { return write(Pieces(bytes)); }

  /// From now on, operations that wait longer than this fail with kTimeout; until then, or until
  /// clear_deadline().
  void set_deadline(base::Duration from_now) noexcept;
  void clear_deadline() noexcept;
  /// Fails waiting operations and all later ones with kCancelled. They resume after the current handler.
  void cancel() noexcept;

  /// Fails a waiting read with kCancelled, once; the socket stays usable.
  void interrupt_read() noexcept;

  /// What counts as a hang-up.
  enum class HangUpKind : std::uint8_t {
    kHalf,    ///< the peer has closed its side, or worse
    kBroken,  ///< the connection is of no more use: reset, or cancelled by us
  };
  /// Calls `call(context)` when the peer hangs up or the socket is cancelled, even before what it sent has
  /// been read; at once if that has happened already, and only once. It may destroy the socket. Null to stop.
  using HangUp = void (*)(void* context) noexcept;
  void on_hang_up(HangUp call, void* context, HangUpKind kind = HangUpKind::kHalf) noexcept;
  /// The kernel has told us that the peer closed its side, or the connection broke.
  [[nodiscard]] bool hung_up() const noexcept { return hung_up_; }
  /// Whether bytes, an end or a failure wait to be read. A system call at most; consumes nothing.
  [[nodiscard]] bool has_input() const noexcept;

  /// Whether a read may bring something: false if the last one drained the socket and the kernel has said
  /// nothing since. No system call.
  [[nodiscard]] bool may_have_input() const noexcept { return can_read_; }

  /// Sends FIN.
  void shut_down_write() noexcept;
  /// Gives the descriptor away, still registered: redirect or forget it next. Nothing may be waiting.
  [[nodiscard]] Fd release() noexcept;

  /// Bytes the kernel has taken so far: whether anything may have reached the peer.
  [[nodiscard]] std::uint64_t bytes_written() const noexcept { return bytes_written_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

 private:
  void on_events(std::uint32_t events) noexcept override;
  [[nodiscard]] bool start(Operation& operation) noexcept;
  [[nodiscard]] bool attempt(Operation& operation) noexcept;
  [[nodiscard]] bool attempt_write(Operation& operation) noexcept;
  [[nodiscard]] bool share_used_up() noexcept;
  void finish(Operation*& slot) noexcept;
  void tell_hang_up() noexcept;
  void fail_waiting(base::FailureKind kind) noexcept;
  static void deadline_passed(void* self) noexcept;
  [[nodiscard]] std::unexpected<base::Failure> failure(int code) const noexcept;

  Reactor& reactor_;
  Fd fd_;
  Timer deadline_;
  Operation* reader_ = nullptr;
  Operation* writer_ = nullptr;
  HangUp hang_up_ = nullptr;
  void* hang_up_context_ = nullptr;
  std::uint64_t bytes_written_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::uint32_t turn_ = 0;        // the last one with an operation
  std::uint32_t operations_ = 0;  // begun in that turn
  base::Side side_;
  HangUpKind hang_up_kind_ = HangUpKind::kHalf;
  bool can_read_ = false;  // the registration brings a first event if there is anything to read
  bool can_write_ = true;
  bool hung_up_ = false;
  bool broken_ = false;
  bool expired_ = false;
  bool cancelled_ = false;
};

/// Waits for a duration; for coroutines of the control plane and for paced waits.
class Sleep {
 public:
  Sleep(Reactor& reactor, base::Duration duration) noexcept
      : reactor_(reactor), duration_(duration), timer_(&Sleep::fire, this) {}
  [[nodiscard]] bool await_ready() const noexcept { return duration_.count() <= 0; }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
    reactor_.timers().arm(timer_, base::Clock::now() + duration_);
  }
  static void await_resume() noexcept {}

 private:
  static void fire(void* self) noexcept {
    auto* sleep = static_cast<Sleep*>(self);
    sleep->reactor_.resume_soon(sleep->waiter_);
  }
  Reactor& reactor_;
  base::Duration duration_;
  Timer timer_;
  std::coroutine_handle<> waiter_;
};

}  // namespace limpet::net
