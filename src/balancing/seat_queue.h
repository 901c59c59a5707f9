#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "balancing/service.h"
#include "base/clock.h"

namespace limpet::balancing {

/// A waiting user's turn: what was chosen, and the service's state of configuration it was chosen in, which
/// may be a later one than that in which the wait began.
struct Turn {
  std::shared_ptr<const Service> service;
  Selected selected;
};

/// One who waits in a queue. Its owner keeps it alive until it has left or been served.
class Waiter {
 public:
  /// What to choose by. What it points at must not change during the wait.
  Choice choice;
  /// Waits for any server; else for the one the user is bound to.
  bool is_new = true;

  /// The turn has come; it is in the queue no more. Any thread, under the queue's lock: only pass it on.
  virtual void served(Turn turn) noexcept = 0;
  /// Nothing can be had now, but perhaps at this time without anything happening: call SeatQueue::serve()
  /// then. As served().
  virtual void look_again(base::TimePoint at) noexcept = 0;

 protected:
  Waiter() = default;
  ~Waiter() = default;

 private:
  friend class SeatQueue;
  std::uint64_t number_ = 0;
  bool waits_ = false;
  const Service* service_ = nullptr;  // whose servers `choice.tried` counts
};

/// Who waits for a seat of one service, on all threads: first come, first served. Nobody polls: whoever frees
/// a seat or brings a server back calls serve(). A user who is bound to a server waits for that one, and
/// holds up nobody else. Any thread; one lock, touched only while somebody waits.
class SeatQueue {
 public:
  /// `waiting`, `newcomers`: kept up to date, for reading without the lock.
  SeatQueue(std::atomic<std::uint32_t>& waiting, std::atomic<std::uint32_t>& newcomers) noexcept
      : waiting_(waiting), newcomers_(newcomers) {}
  SeatQueue(const SeatQueue&) = delete;
  SeatQueue& operator=(const SeatQueue&) = delete;

  /// Lets `waiter` wait, unless `most` do already: false. It may be served before this returns. `service` is
  /// where it was refused.
  [[nodiscard]] bool join(Waiter& waiter, const std::shared_ptr<const Service>& service, std::uint32_t most);
  /// Ends a wait. False if the turn has come meanwhile.
  [[nodiscard]] bool leave(Waiter& waiter) noexcept;
  /// Serves everyone who can be, in the order of their coming.
  void serve(base::TimePoint now) noexcept;
  /// The same without a clock at hand, at the latest time the queue has been told.
  void serve() noexcept;
  /// From now on those who wait choose among this service's servers: the next snapshot's. Then serves.
  void use(std::weak_ptr<const Service> service, base::TimePoint now) noexcept;

 private:
  using Line = std::map<std::uint64_t, Waiter*>;
  void serve_line() noexcept;
  [[nodiscard]] bool serve_one(const std::shared_ptr<const Service>& service, Waiter& waiter) noexcept;
  void remove(Waiter& waiter) noexcept;

  std::atomic<std::uint32_t>& waiting_;
  std::atomic<std::uint32_t>& newcomers_;
  std::mutex mutex_;  // guards all below; held for a choice for each one served
  Line new_;
  Line bound_;
  std::uint64_t next_number_ = 1;
  base::TimePoint latest_{};
  std::weak_ptr<const Service> service_;  // weak: a service holds its queue
};

}  // namespace limpet::balancing
