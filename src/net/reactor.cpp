#include "net/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace limpet::net {
namespace {

constexpr std::uint64_t kWakeupTag = std::numeric_limits<std::uint64_t>::max();
constexpr int kEventsPerTurn = 256;
constexpr std::uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

std::uintptr_t target_of(EventHandler& handler) noexcept {
  return reinterpret_cast<std::uintptr_t>(&handler);
}

}  // namespace

Reactor::Reactor()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      now_(base::Clock::now()),
      timers_(now_) {
  if (!epoll_ || !wakeup_)
    throw std::system_error(errno, std::generic_category(), "cannot set up an event loop");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeupTag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot set up an event loop");
  }
}

Reactor::~Reactor() = default;

void Reactor::stop() noexcept {
  stopped_.store(true, std::memory_order_release);
  ::eventfd_write(wakeup_.get(), 1);
}

void Reactor::post(std::move_only_function<void()> work) {
  bool wake = false;
  {
    const std::scoped_lock lock(posted_mutex_);
    wake = posted_.empty();
    posted_.push_back(std::move(work));
  }
  if (wake) ::eventfd_write(wakeup_.get(), 1);
}

bool Reactor::add_with(int fd, std::uintptr_t target, std::uint32_t events) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= entries_.size()) entries_.resize(std::max(index + 1, entries_.size() * 2));
  Entry& entry = entries_[index];
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint32_t>(fd) | (std::uint64_t{entry.generation} << 32U);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return false;
  entry.target = target;
  return true;
}

bool Reactor::add(int fd, EventHandler& handler) noexcept {
  return add_with(fd, target_of(handler), kStreamEvents);
}

bool Reactor::add_listener(int fd, EventHandler& handler) noexcept {
  return add_with(fd, target_of(handler), EPOLLIN | EPOLLEXCLUSIVE);
}

bool Reactor::add_reader(int fd, EventHandler& handler) noexcept {
  return add_with(fd, target_of(handler), EPOLLIN);
}

void Reactor::redirect(int fd, std::uintptr_t token) noexcept {
  entries_[static_cast<std::size_t>(fd)].target = token | 1U;
}

bool Reactor::add_token(int fd, std::uintptr_t token) noexcept {
  return add_with(fd, token | 1U, kStreamEvents);
}

void Reactor::forget(int fd) noexcept {
  Entry& entry = entries_[static_cast<std::size_t>(fd)];
  entry.target = 0;
  ++entry.generation;
}

void Reactor::remove(int fd) noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  forget(fd);
}

void Reactor::drain_ready() {
  // Resumed coroutines may add to the list; index, not iterator.
  for (std::size_t i = 0; i < ready_.size(); ++i) ready_[i].resume();
  ready_.clear();
}

void Reactor::drain_posted() {
  std::vector<std::move_only_function<void()>> work;
  {
    const std::scoped_lock lock(posted_mutex_);
    work.swap(posted_);
  }
  for (auto& item : work) {
    item();
    drain_ready();
  }
}

int Reactor::wait_ms(base::Duration longest) const noexcept {
  if (stay_awake_ || !ready_.empty()) return 0;
  const base::Duration next = timers_.until_next(base::Clock::now() + skipped_);
  if (next.count() >= 0 && (longest.count() < 0 || next < longest)) longest = next;
  if (longest.count() < 0) return -1;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(longest).count());
}

void Reactor::call_again(int fd) {
  const auto index = static_cast<std::uint32_t>(fd);
  again_.push_back({.fd = index, .generation = entries_[index].generation});
  stay_awake_ = true;
}

void Reactor::call_those_again() {
  if (again_.empty()) return;
  std::vector<Again> again;
  again.swap(again_);
  for (const Again& item : again) dispatch(item.fd, item.generation, 0);
}

void Reactor::dispatch(std::uint32_t fd, std::uint32_t generation, std::uint32_t events) {
  const Entry& entry = entries_[fd];
  if (entry.generation != generation) return;
  if ((entry.target & 1U) != 0) {
    token_sink_->on_token(entry.target & ~std::uintptr_t{1}, events);
  } else if (entry.target != 0) {
    reinterpret_cast<EventHandler*>(entry.target)->on_events(events);
    drain_ready();
  }
}

int Reactor::poll_events(std::span<epoll_event> events, int timeout_ms) noexcept {
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  LIMPET_CHECK(count >= 0 || errno == EINTR);
  return count;
}

void Reactor::turn(int timeout_ms) {
  std::array<epoll_event, kEventsPerTurn> events;  // NOLINT(*-member-init): filled in by the kernel
  stay_awake_ = false;
  ++turn_number_;
  const bool waited = waiter_ != nullptr && waiter_->wait(timeout_ms);
  int count = waited ? 0 : poll_events(events, timeout_ms);
  now_ = base::Clock::now() + skipped_;
  if (waited && waiter_->handle()) count = poll_events(events, 0);
  call_those_again();
  bool woken = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == kWakeupTag) {
      woken = true;
      continue;
    }
    dispatch(static_cast<std::uint32_t>(event.data.u64), static_cast<std::uint32_t>(event.data.u64 >> 32U),
             event.events);
  }
  if (woken) {
    eventfd_t value = 0;
    ::eventfd_read(wakeup_.get(), &value);
    drain_posted();
  }
  timers_.advance(now_);
  drain_ready();
  if (turn_hook_) turn_hook_();
  drain_ready();
}

void Reactor::run() {
  while (!stopped_.load(std::memory_order_acquire)) turn(wait_ms(base::Duration(-1)));
}

void Reactor::run_once(base::Duration longest) {
  turn(wait_ms(longest));
}

}  // namespace limpet::net
