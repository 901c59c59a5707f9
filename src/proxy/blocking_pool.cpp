#include "proxy/blocking_pool.h"

namespace limpet::proxy {

BlockingPool::BlockingPool(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { serve(stop); });
  }
}

BlockingPool::~BlockingPool() {
  for (std::jthread& thread : threads_) thread.request_stop();
  wake_.notify_all();
}

void BlockingPool::submit(std::move_only_function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    work_.push(std::move(work));
  }
  wake_.notify_one();
}

void BlockingPool::serve(const std::stop_token& stop) {
  while (true) {
    std::move_only_function<void()> work;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !work_.empty(); })) return;
      if (stop.stop_requested()) return;
      work = std::move(work_.front());
      work_.pop();
    }
    work();
  }
}

}  // namespace limpet::proxy
