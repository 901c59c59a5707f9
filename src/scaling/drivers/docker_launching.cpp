#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "base/units.h"
#include "net/socket.h"
#include "scaling/drivers/docker_driver.h"
#include "scaling/drivers/replica_making.h"

namespace limpet::scaling {
namespace {

using apis::docker::Client;
using apis::docker::Replica;

constexpr base::Duration kFirstPause = std::chrono::milliseconds(100);
constexpr base::Duration kLongestPause = std::chrono::seconds(10);
constexpr base::Duration kLook = std::chrono::milliseconds(200);
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

}  // namespace

// Launching.

net::Task<void> DockerDriver::launch_all() {
  bool were_stopped = false;
  bool told = false;
  while (!wishes_.empty() && !stopping_) {
    if (const std::string why = hindrance(); !why.empty()) {
      if (!std::exchange(told, true)) base::log_warn("scaling {}: {}", service_, why);
      were_stopped = were_stopped || others_.all_stopped(running());
      co_await pause(kLook);
      continue;
    }
    // Somebody has started some again: how many are missing now is to be decided anew.
    if (were_stopped) wishes_.clear();
    if (!wishes_.empty()) co_await launch_one();
  }
  launching_ = false;
}

DockerDriver::Member* DockerDriver::startable() {
  Member* best = nullptr;
  const base::TimePoint now = base::Clock::now();
  for (auto& [id, member] : members_) {
    const Replica::State state = member.replica.state;
    // What was made just now is about to be started by who made it.
    const bool never_ran = state == Replica::State::kCreated && now - member.since > settings_.start_timeout;
    if (state != Replica::State::kEnded && !never_ran) continue;
    if (member.stopping || member.removing || member.failed || member.launched || !is_current(member))
      continue;
    if (best == nullptr || member.replica.number < best->replica.number) best = &member;
  }
  return best;
}

const DockerDriver::Member* DockerDriver::best_example() const {
  const Member* best = nullptr;
  const auto rank = [this](const Member& member) {
    return std::tuple(is_current(member), member.replica.runs(), member.replica.created,
                      member.replica.number);
  };
  for (const auto& [id, member] : members_) {
    if (member.removing || member.replica.state == Replica::State::kGone) continue;
    if (best == nullptr || rank(member) > rank(*best)) best = &member;
  }
  return best;
}

net::Task<void> DockerDriver::launch_one() {
  if (!co_await refresh() || stopping_ || wishes_.empty() || !hindrance().empty()) co_return;
  Member* member = startable();
  if (member == nullptr) member = co_await make();
  if (member == nullptr || stopping_) co_return;
  member->launched = true;
  member->valid_from = kNever;
  member->since = wishes_.empty() ? base::Clock::now() : wishes_.front().since;
  if (!wishes_.empty()) wishes_.pop_front();
  spawn(start(member->replica.id));
}

net::Task<DockerDriver::Member*> DockerDriver::make() {
  if (const Member* example = best_example()) {
    auto text = co_await client_.inspect_text(example->replica.id);
    if (!text) {
      launch_failed(fmt::format("{}: {}", compose_.service, text.error().text));
      co_return nullptr;
    }
    like_ = std::move(*text);
  }
  if (like_.empty()) {
    launch_failed(
        fmt::format("project {} has no container of service {} that another one could be made like; "
                    "create one with docker-compose",
                    compose_.project, compose_.service));
    co_return nullptr;
  }
  std::uint32_t highest = 0;
  for (const auto& [id, member] : members_) highest = std::max(highest, member.replica.number);
  const std::string image = image_id_.empty() ? std::string() : settings_.image;
  const auto made = co_await make_replica(client_, {.like = like_, .image = image, .number = highest + 1});
  if (!made) {
    launch_failed(made.error());
    co_return nullptr;
  }
  if (stopping_) {
    static_cast<void>(co_await client_.remove(made->id, true));
    co_return nullptr;
  }
  Member& member = members_[made->id];
  member.replica.id = made->id;
  member.replica.name = made->name;
  member.replica.number = made->number;
  member.replica.state = Replica::State::kCreated;
  if (member.replica.image_id.empty()) member.replica.image_id = image_id_;
  member.made_at = base::Clock::now();
  member.made = true;
  co_return &member;
}

net::Task<void> DockerDriver::start(std::string id) {
  const auto started = co_await client_.start(id);
  Member* member = find(id);
  if (member == nullptr) co_return;
  if (!started) {
    member->failed = true;
    co_return co_await clear_away(id, fmt::format("{}: {}", member->replica.name, started.error().text));
  }
  member->valid_from = lists_ + 1;
  static_cast<void>(co_await refresh());
}

/// It counts as starting until the failure has been told, so that no other is launched in between.
void DockerDriver::fail_launch(Member& member, std::string why) {
  member.failed = true;
  spawn(clear_away(member.replica.id, std::move(why)));
}

net::Task<void> DockerDriver::clear_away(std::string id, std::string why) {
  ++clearing_;
  const auto line = co_await client_.last_output(id);
  if (line && !line->empty()) why += fmt::format(", its last line: {}", *line);
  launch_failed(why);
  if (Member* member = find(id)) {
    member->launched = false;
    member->valid_from = lists_ + 1;
    member->stopping = true;
    if (member->made) {
      co_await remove_member(id, true);
    } else {
      static_cast<void>(co_await client_.stop(id, 0));
      if (Member* left = find(id)) left->stopping = false;
    }
  }
  --clearing_;
}

void DockerDriver::launch_failed(const std::string& why) {
  base::log_error("scaling {}: {}", service_, why);
  wishes_.clear();
  events_.on_launch_failed(why);
}

// Stopping.

net::Task<void> DockerDriver::stop_member(std::string id) {
  const Member* const known = find(id);
  const std::string name = known == nullptr ? id : known->replica.name;
  base::Duration next_pause = kFirstPause;
  while (true) {
    const auto text = co_await client_.inspect_text(id);
    auto stopped = Client::Result<bool>(false);
    if (text) {
      base::log_info("scaling {}: stopping {}", service_, name);
      stopped = co_await client_.stop(id, apis::docker::stop_seconds(*text));
    } else {
      stopped = std::unexpected(text.error());
    }
    if (stopped || stopped.error().status == kNotFound) break;
    if (stopping_) co_return;
    base::log_error("scaling {}: {} can't be stopped: {}; again in {}", service_, name, stopped.error().text,
                    base::format_duration(next_pause));
    co_await pause(next_pause);
    next_pause = std::min(next_pause * 2, kLongestPause);
  }
  const bool is_last = std::ranges::none_of(
      members_, [&id](const auto& each) { return each.first != id && !each.second.removing; });
  if (!is_last) co_return co_await remove_member(id, false);
  static_cast<void>(co_await refresh());
  if (Member* member = find(id)) member->stopping = false;
}

net::Task<void> DockerDriver::remove_member(std::string id, bool force) {
  if (Member* member = find(id)) member->removing = true;
  constexpr int kTries = 5;
  for (int i = 1; i <= kTries && (i == 1 || !stopping_); ++i) {
    const auto removed = co_await client_.remove(id, force);
    const int status = removed ? 0 : removed.error().status;
    if (removed || status == kNotFound || status == kConflict) break;
    base::log_error("scaling {}: a container can't be removed: {}", service_, removed.error().text);
    co_await pause(kFirstPause * i);
  }
  static_cast<void>(co_await refresh());
  if (Member* member = find(id)) member->removing = member->stopping = false;
}

}  // namespace limpet::scaling
