#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

/// Coroutines of the house. They belong to one thread, start when awaited (or spawned), and are never
/// destroyed while suspended: every wait ends, by its event, by a deadline or by a cancel. An exception that
/// leaves one is a bug and ends the process.
namespace limpet::net {

namespace detail {

struct FinalAwaiter {
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  template <class Promise>
  [[nodiscard]] std::coroutine_handle<> await_suspend(
      std::coroutine_handle<Promise> finished) const noexcept {
    return finished.promise().continuation;
  }
  static void await_resume() noexcept {}
};

struct TaskPromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  [[nodiscard]] static std::suspend_always initial_suspend() noexcept { return {}; }
  [[nodiscard]] static FinalAwaiter final_suspend() noexcept { return {}; }
  [[noreturn]] static void unhandled_exception() noexcept { std::terminate(); }
};

}  // namespace detail

namespace detail {

/// What all tasks share: owning the frame, and starting it when awaited.
template <class Promise>
class TaskFrame {
 public:
  TaskFrame(TaskFrame&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  TaskFrame& operator=(TaskFrame&&) = delete;
  TaskFrame(const TaskFrame&) = delete;
  TaskFrame& operator=(const TaskFrame&) = delete;
  ~TaskFrame() {
    if (frame_) frame_.destroy();
  }

  [[nodiscard]] static bool await_ready() noexcept { return false; }
  [[nodiscard]] std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    frame_.promise().continuation = caller;
    return frame_;
  }

 protected:
  explicit TaskFrame(Promise& promise) noexcept
      : frame_(std::coroutine_handle<Promise>::from_promise(promise)) {}
  [[nodiscard]] Promise& promise() const noexcept { return frame_.promise(); }

 private:
  std::coroutine_handle<Promise> frame_;
};

template <class T>
struct TaskPromise;

}  // namespace detail

/// A coroutine that gives a T. Runs when awaited; owns its frame. Move only.
template <class T = void>
class [[nodiscard]] Task : public detail::TaskFrame<detail::TaskPromise<T>> {
 public:
  using promise_type = detail::TaskPromise<T>;
  explicit Task(promise_type& promise) noexcept : detail::TaskFrame<promise_type>(promise) {}
  [[nodiscard]] T await_resume() { return std::move(*this->promise().value); }
};

template <>
class [[nodiscard]] Task<void> : public detail::TaskFrame<detail::TaskPromise<void>> {
 public:
  using promise_type = detail::TaskPromise<void>;
  explicit Task(promise_type& promise) noexcept : detail::TaskFrame<promise_type>(promise) {}
  static void await_resume() noexcept {}
};

namespace detail {

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  [[nodiscard]] Task<T> get_return_object() noexcept { return Task<T>(*this); }
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  [[nodiscard]] Task<void> get_return_object() noexcept { return Task<void>(*this); }
  static void return_void() noexcept {}
};

}  // namespace detail

namespace detail {

/// A coroutine that nobody awaits: starts at once and frees itself at its end.
struct Detached {
  struct promise_type {
    [[nodiscard]] static Detached get_return_object() noexcept { return {}; }
    [[nodiscard]] static std::suspend_never initial_suspend() noexcept { return {}; }
    [[nodiscard]] static std::suspend_never final_suspend() noexcept { return {}; }
    static void return_void() noexcept {}
    [[noreturn]] static void unhandled_exception() noexcept { std::terminate(); }
  };
};

inline Detached run_detached(Task<void> task) {
  co_await std::move(task);
}

}  // namespace detail

/// Starts a task that nobody awaits. Runs on this thread up to its first wait before returning.
inline void spawn(Task<void> task) {
  detail::run_detached(std::move(task));
}

/// A task that runs beside its parent and must be joined by it. Starts at once. Not movable.
class Fork {
 public:
  explicit Fork(Task<void> task) { run(this, std::move(task)); }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;
  ~Fork() { LIMPET_CHECK(done_); }

  [[nodiscard]] bool done() const noexcept { return done_; }

  /// Waits for the task's end. One waiter.
  [[nodiscard]] auto join() noexcept {
    struct Awaiter {
      Fork* fork;
      [[nodiscard]] bool await_ready() const noexcept { return fork->done_; }
      void await_suspend(std::coroutine_handle<> waiter) const noexcept { fork->waiter_ = waiter; }
      static void await_resume() noexcept {}
    };
    return Awaiter{this};
  }

 private:
  static detail::Detached run(Fork* self, Task<void> task) {
    co_await std::move(task);
    self->done_ = true;
    if (self->waiter_) self->waiter_.resume();
  }

  bool done_ = false;
  std::coroutine_handle<> waiter_;
};

}  // namespace limpet::net
