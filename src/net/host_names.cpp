#include "net/host_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <ranges>
#include <thread>
#include <utility>

#include "base/log.h"

namespace limpet::net {
namespace {

constexpr std::size_t kMostThreads = 8;

// Resolvers rotate their answers: another order is no change.
bool same_addresses(const HostNames::Found& a, const HostNames::Found& b) {
  return a && b && std::ranges::is_permutation(*a, *b);
}

}  // namespace

/// The names, and the threads that look them up: each ends when nothing is left to do.
class HostNames::Work : public std::enable_shared_from_this<HostNames::Work> {
 public:
  Work(Reactor& reactor, std::function<void()> changed, Lookup lookup)
      : reactor_(&reactor), changed_(std::move(changed)), lookup_(std::move(lookup)) {}

  void use(const std::set<std::string>& hosts, base::Duration patience) {
    std::unique_lock lock(mutex_);
    std::erase_if(names_, [&](const auto& item) { return !hosts.contains(item.first); });
    std::vector<std::string> added;
    for (const std::string& host : hosts) {
      if (names_.try_emplace(host).second) added.push_back(host);
    }
    waiting_.insert(waiting_.end(), added.begin(), added.end());
    start_threads();
    // What is found meanwhile is in what the caller reads next: no news.
    told_ = true;
    const auto unknown = [this](const std::string& host) { return !names_.at(host).has_value(); };
    const bool complete =
        found_one_.wait_for(lock, patience, [&] { return std::ranges::none_of(added, unknown); });
    told_ = false;
    if (complete) return;
    base::log_warn("no answer yet for {} host names, such as {}: their servers are taken as down until then",
                   std::ranges::count_if(added, unknown), *std::ranges::find_if(added, unknown));
  }

  void look_all_up() {
    const std::lock_guard lock(mutex_);
    for (const std::string& host : names_ | std::views::keys) {
      if (std::ranges::find(waiting_, host) == waiting_.end()) waiting_.push_back(host);
    }
    start_threads();
  }

  [[nodiscard]] Found find(const std::string& host) {
    const std::lock_guard lock(mutex_);
    const auto at = names_.find(host);
    if (at == names_.end() || !at->second) {
      return std::unexpected(fmt::format("cannot resolve host '{}': no answer yet", host));
    }
    return *at->second;
  }

  /// Nobody is told of anything any more.
  void abandon() noexcept {
    const std::lock_guard lock(mutex_);
    reactor_ = nullptr;
    waiting_.clear();
  }

 private:
  void start_threads() {
    while (threads_ < std::min(kMostThreads, waiting_.size())) {
      ++threads_;
      std::thread([self = shared_from_this()] { self->run(); }).detach();
    }
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (!waiting_.empty()) {
      const std::string host = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      Found found = lookup_(host);
      lock.lock();
      take(host, std::move(found));
    }
    --threads_;
  }

  void take(const std::string& host, Found found) {
    const auto at = names_.find(host);
    if (at == names_.end() || reactor_ == nullptr) return;
    std::optional<Found>& known = at->second;
    const bool hides = known && known->has_value() && !found;
    const bool changes = !hides && !(known && same_addresses(*known, found)) && !(known && !*known && !found);
    if (changes) {
      known = std::move(found);
      // A burst of news is one change.
      if (!std::exchange(told_, true)) {
        reactor_->post([self = shared_from_this()] { self->tell(); });
      }
    }
    found_one_.notify_all();
  }

  void tell() {
    {
      const std::lock_guard lock(mutex_);
      told_ = false;
      if (reactor_ == nullptr) return;
    }
    changed_();
  }

  std::mutex mutex_;  // guards everything below but changed_ and lookup_
  std::condition_variable found_one_;
  Reactor* reactor_;  // null: abandoned
  std::map<std::string, std::optional<Found>> names_;
  std::deque<std::string> waiting_;
  std::size_t threads_ = 0;
  bool told_ = false;
  std::function<void()> changed_;  // the reactor's thread only
  Lookup lookup_;
};

HostNames::HostNames(Reactor& reactor, std::function<void()> changed, Lookup lookup, base::Duration interval)
    : reactor_(reactor),
      interval_(interval),
      work_(std::make_shared<Work>(reactor, std::move(changed), std::move(lookup))),
      timer_(&HostNames::look_again, this) {}

HostNames::~HostNames() {
  work_->abandon();
}

void HostNames::use(const std::set<std::string>& hosts, base::Duration patience) {
  work_->use(hosts, patience);
  if (!timer_.armed() && !hosts.empty()) reactor_.arm(timer_, interval_);
}

HostNames::Found HostNames::find(const std::string& host) const {
  return work_->find(host);
}

void HostNames::look_again(void* self) noexcept {
  auto& names = *static_cast<HostNames*>(self);
  names.work_->look_all_up();
  names.reactor_.arm(names.timer_, names.interval_);
}

}  // namespace limpet::net
