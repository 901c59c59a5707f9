#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "net/fd.h"
#include "net/timer.h"

struct epoll_event;

namespace limpet::net {

/// What a descriptor's events are told to. `events` are epoll's, and only hints: a stale one may follow a
/// reuse of the descriptor, so handlers find out by reading or writing.
class EventHandler {
 public:
  virtual void on_events(std::uint32_t events) noexcept = 0;

 protected:
  ~EventHandler() = default;
};

/// Takes the events of descriptors that have a token instead of a handler of their own: the relay engine's
/// records have no room for a virtual table each.
class TokenSink {
 public:
  virtual void on_token(std::uintptr_t token, std::uint32_t events) noexcept = 0;

 protected:
  ~TokenSink() = default;
};

/// Waits in the reactor's place, for what brings news by another way than the epoll set; the set's descriptor
/// is then one of the things it waits for. The reactor's thread.
class Waiter {
 public:
  /// Waits for at most `timeout_ms` (-1: as long as it takes) and returns true; or returns false at once if
  /// it has nothing to wait for, and the reactor waits by itself.
  [[nodiscard]] virtual bool wait(int timeout_ms) noexcept = 0;
  /// Handles what the wait has brought. Returns whether the epoll set may have events.
  [[nodiscard]] virtual bool handle() noexcept = 0;

 protected:
  ~Waiter() = default;
};

/// One thread's event loop over epoll. Descriptors are registered once, edge-triggered for reading, writing
/// and hang-up; who gets the events can be changed without a system call, which is how an upgraded connection
/// moves to the relay engine. All members but post() and stop() are for the reactor's own thread.
class Reactor {
 public:
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// Runs until stop(). The thread that calls it owns the reactor from then on.
  void run();
  /// One turn: waits at most `longest` for events and handles them. For tests.
  void run_once(base::Duration longest);
  /// Ends run() after the current turn. Any thread.
  void stop() noexcept;
  /// Runs `work` on the reactor's thread, soon. Any thread; wakes the loop once for a burst.
  void post(std::move_only_function<void()> work);

  /// Time at the start of this turn.
  [[nodiscard]] base::TimePoint now() const noexcept { return now_; }
  /// Moves this reactor's clock ahead, from the next turn on, as if so much time had passed. For tests.
  void skip(base::Duration time) noexcept { skipped_ += time; }
  [[nodiscard]] TimerWheel& timers() noexcept { return timers_; }
  void arm(Timer& timer, base::Duration from_now) noexcept { timers_.arm(timer, now_ + from_now); }

  /// Registers `fd` edge-triggered for reading, writing and hang-up. False if the kernel refuses (errno is
  /// set).
  [[nodiscard]] bool add(int fd, EventHandler& handler) noexcept;
  /// Registers a listening socket level-triggered for reading, woken exclusively among the reactors that
  /// share it.
  [[nodiscard]] bool add_listener(int fd, EventHandler& handler) noexcept;
  /// Registers any other descriptor (inotify, signalfd, a pipe) level-triggered for reading.
  [[nodiscard]] bool add_reader(int fd, EventHandler& handler) noexcept;
  /// Gives the events of a registered descriptor to the token sink. No system call.
  void redirect(int fd, std::uintptr_t token) noexcept;
  /// Takes a descriptor back that was removed, for the token sink. Brings a first event if it is ready. False
  /// if the kernel refuses (errno is set).
  [[nodiscard]] bool add_token(int fd, std::uintptr_t token) noexcept;
  /// Forgets who gets the events; call before closing the descriptor. The kernel drops a closed descriptor by
  /// itself.
  void forget(int fd) noexcept;
  /// Forgets the descriptor and takes it out of the epoll set, for one that stays open.
  void remove(int fd) noexcept;
  void set_token_sink(TokenSink* sink) noexcept { token_sink_ = sink; }

  /// Who waits in the reactor's place; null for nobody.
  void set_waiter(Waiter* waiter) noexcept { waiter_ = waiter; }
  /// Readable while the epoll set has events. For the waiter.
  [[nodiscard]] int epoll_fd() const noexcept { return epoll_.get(); }

  /// Resumes a coroutine after the current handler has returned, in this turn.
  void resume_soon(std::coroutine_handle<> waiting) { ready_.push_back(waiting); }

  /// Called once a turn after all events, before the next wait: for batching.
  void set_turn_hook(std::move_only_function<void()> hook) { turn_hook_ = std::move(hook); }
  /// Don't sleep in the next wait: there is more work.
  void stay_awake() noexcept { stay_awake_ = true; }
  /// Calls the descriptor's handler without an event in the next turn, unless it has been forgotten by then:
  /// for one that has used up its share of this turn.
  void call_again(int fd);
  /// Counts the turns, to tell one from the next.
  [[nodiscard]] std::uint32_t turn_number() const noexcept { return turn_number_; }

 private:
  struct Entry {
    std::uintptr_t target = 0;  // EventHandler*, or token | 1
    std::uint32_t generation = 0;
  };
  [[nodiscard]] bool add_with(int fd, std::uintptr_t target, std::uint32_t events) noexcept;
  [[nodiscard]] int poll_events(std::span<epoll_event> events, int timeout_ms) noexcept;
  void turn(int timeout_ms);
  void dispatch(std::uint32_t fd, std::uint32_t generation, std::uint32_t events);
  void call_those_again();
  void drain_ready();
  void drain_posted();
  [[nodiscard]] int wait_ms(base::Duration longest) const noexcept;

  Fd epoll_;
  Fd wakeup_;
  base::Duration skipped_{};
  base::TimePoint now_;
  TimerWheel timers_;
  TokenSink* token_sink_ = nullptr;
  Waiter* waiter_ = nullptr;
  std::vector<Entry> entries_;  // by descriptor
  std::vector<std::coroutine_handle<>> ready_;
  std::move_only_function<void()> turn_hook_;
  bool stay_awake_ = false;
  std::uint32_t turn_number_ = 0;
  struct Again {
    std::uint32_t fd;
    std::uint32_t generation;
  };
  std::vector<Again> again_;
  std::atomic<bool> stopped_{false};
  std::mutex posted_mutex_;  // guards posted_; held for a push or a swap
  std::vector<std::move_only_function<void()>> posted_;
};

}  // namespace limpet::net
