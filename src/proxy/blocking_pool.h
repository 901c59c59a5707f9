#pragma once

#include <condition_variable>
#include <coroutine>
#include <functional>
#include <mutex>
#include <optional>
#include <queue>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "net/reactor.h"

namespace limpet::proxy {

/// A few threads for work that would hold a data-plane thread up (password hashes). Any thread may submit.
class BlockingPool {
 public:
  explicit BlockingPool(unsigned threads);
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  /// Waits for the work in progress; what has not begun is dropped.
  ~BlockingPool();
  void submit(std::move_only_function<void()> work);

 private:
  void serve(const std::stop_token& stop);

  std::mutex mutex_;  // guards work_
  std::condition_variable_any wake_;
  std::queue<std::move_only_function<void()>> work_;
  std::vector<std::jthread> threads_;
};

/// Runs `work` on the pool and resumes the coroutine on its reactor with the result.
template <class T>
class OnPool {
 public:
  OnPool(BlockingPool& pool, net::Reactor& reactor, std::move_only_function<T()> work)
      : pool_(pool), reactor_(reactor), work_(std::move(work)) {}
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    pool_.submit([this, waiter] {
      result_.emplace(work_());
      reactor_.post([waiter] { waiter.resume(); });
    });
  }
  [[nodiscard]] T await_resume() { return std::move(*result_); }

 private:
  BlockingPool& pool_;
  net::Reactor& reactor_;
  std::move_only_function<T()> work_;
  std::optional<T> result_;
};

}  // namespace limpet::proxy
