#include "scaling/drivers/docker_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "http/url.h"
#include "net/address.h"
#include "net/socket.h"
#include "scaling/drivers/readiness.h"

namespace limpet::scaling {
namespace {

using apis::docker::Replica;
using State = DrivenServer::State;

constexpr base::Duration kFirstPause = std::chrono::milliseconds(100);
constexpr base::Duration kLongestPause = std::chrono::seconds(10);
constexpr base::Duration kFirstProbe = std::chrono::milliseconds(20);
constexpr base::Duration kLongestProbe = std::chrono::milliseconds(500);
constexpr base::Duration kPoll = std::chrono::milliseconds(50);
constexpr base::Duration kLook = std::chrono::milliseconds(200);
constexpr base::Duration kImagePause = std::chrono::seconds(5);
/// What is being made when Limpet stops may be finished, so that nothing half-made is left.
constexpr base::Duration kStopPatience = std::chrono::seconds(5);
constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr base::Duration kUsualStop = std::chrono::seconds(10);

struct Place {
  std::string host;
  std::uint16_t port = 0;
};

std::optional<Place> place_of(const std::string& url) {
  auto parsed = http::parse_server_url(url);
  if (!parsed) return std::nullopt;
  return Place{.host = std::move(parsed->host), .port = parsed->port};
}

bool is_well(const Replica& replica) {
  return replica.health == apis::docker::Health::kNone || replica.health == apis::docker::Health::kHealthy;
}

/// When something was made, by our clock.
base::TimePoint time_of(std::int64_t unix_seconds) {
  const auto age = base::WallClock::now() - base::WallTime(std::chrono::seconds(unix_seconds));
  return base::Clock::now() - std::chrono::duration_cast<base::Duration>(age);
}

}  // namespace

DockerDriver::DockerDriver(net::Reactor& reactor, std::string service, const config::DockerDriver& settings,
                           DockerAccess access, DriverEvents& events)
    : reactor_(reactor),
      service_(std::move(service)),
      settings_(settings),
      compose_{.project = settings.project, .service = settings.service},
      events_(events),
      client_(reactor, std::move(access.endpoint), access.timeout),
      timer_([](void* self) noexcept { static_cast<DockerDriver*>(self)->fail_the_late(); }, this) {
  spawn(run());
  if (!settings_.image.empty()) spawn(find_image());
}

DockerDriver::~DockerDriver() {
  LIMPET_CHECK(tasks_ == 0);
}

void DockerDriver::spawn(net::Task<void> task) {
  net::spawn(counted(std::move(task)));
}

net::Task<void> DockerDriver::counted(net::Task<void> task) {
  ++tasks_;
  co_await std::move(task);
  --tasks_;
}

net::Task<void> DockerDriver::pause(base::Duration duration) {
  const base::TimePoint end = base::Clock::now() + duration;
  while (base::Clock::now() < end && !stopping_) {
    net::Sleep sleep(reactor_, std::min<base::Duration>(kPoll, end - base::Clock::now()));
    co_await sleep;
  }
}

DockerDriver::Member* DockerDriver::find(const std::string& id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

std::size_t DockerDriver::running() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(members_, [](const auto& each) { return each.second.replica.runs(); }));
}

bool DockerDriver::is_current(const Member& member) const {
  return settings_.image.empty() || image_id_.empty() || member.replica.image_id == image_id_;
}

std::string DockerDriver::hindrance() const {
  if (!engine_trouble_.empty()) return engine_trouble_;
  if (!others_.holds(running(), base::Clock::now())) return {};
  if (others_.all_stopped(running())) {
    return fmt::format("somebody has stopped all containers of {}: none is started until one runs again",
                       compose_.service);
  }
  return fmt::format("somebody is stopping containers of {}: none is started meanwhile", compose_.service);
}

std::string DockerDriver::trouble() const {
  std::string text = hindrance();
  return text.empty() ? image_trouble_ : text;
}

std::vector<std::string> DockerDriver::admitted() const {
  std::vector<std::string> urls;
  std::ranges::set_intersection(answered_, listed_, std::back_inserter(urls));
  return urls;
}

std::vector<DrivenServer> DockerDriver::servers() const {
  std::vector<DrivenServer> out;
  for (const Wish& wish : wishes_) out.push_back({.name = wish.name, .started_at = wish.since});
  const base::TimePoint now = base::Clock::now();
  for (const auto& [id, member] : members_) {
    DrivenServer server{.name = member.replica.name,
                        .url = member.url,
                        .started_at = member.made_at,
                        .current = is_current(member)};
    const bool is_coming = member.replica.runs() || member.replica.state == Replica::State::kRestarting ||
                           member.replica.state == Replica::State::kCreated;
    if (member.stopping || others_.is_stopping(id)) {
      if (!member.replica.runs()) continue;
      server.state = State::kStopping;
    } else if (member.launched) {
      server.started_at = member.since;
    } else if (member.ready) {
      // Who paused it wants it left alone; without a provider, only we see that it is not well.
      const bool is_out = member.replica.state == Replica::State::kPaused ||
                          (!settings_.discovered && !is_well(member.replica));
      if (is_out) continue;
      server.state = State::kReady;
    } else if (!is_coming || member.failed || now - member.since > settings_.start_timeout) {
      continue;
    }
    out.push_back(std::move(server));
  }
  return out;
}

bool DockerDriver::reconfigure(const config::Scaling& settings) {
  if (!settings.docker) return false;
  const config::DockerDriver& wanted = *settings.docker;
  const bool is_same_pool = wanted.project == settings_.project && wanted.service == settings_.service &&
                            wanted.discovered == settings_.discovered && wanted.port == settings_.port &&
                            wanted.network == settings_.network;
  if (!is_same_pool) return false;
  const std::string image = std::exchange(settings_, wanted).image;
  if (settings_.image != image) {
    image_id_.clear();
    image_trouble_.clear();
    if (!settings_.image.empty() && !finding_image_) spawn(find_image());
  }
  return true;
}

void DockerDriver::carry_out(const Order& order) {
  for (const std::string& url : order.stop) {
    for (auto& [id, member] : members_) {
      if (!member.ready || member.url != url || member.replica.state == Replica::State::kPaused) continue;
      if (!std::exchange(member.stopping, true)) spawn(stop_member(id));
    }
  }
  for (std::uint32_t i = 0; i < order.launch && !stopping_; ++i) {
    wishes_.push_back({.name = fmt::format("{} (new)", compose_.service), .since = base::Clock::now()});
  }
  if (!wishes_.empty() && !std::exchange(launching_, true)) spawn(launch_all());
}

void DockerDriver::discovered(const std::vector<std::string>& urls) {
  listed_ = std::set<std::string>(urls.begin(), urls.end());
  look_at_all();
}

net::Task<void> DockerDriver::stop() {
  stopping_ = true;
  timer_.disarm();
  wishes_.clear();
  if (stream_ != nullptr) stream_->cancel();
  const base::TimePoint patience = base::Clock::now() + kStopPatience;
  while (tasks_ > 0) {
    const bool may_finish = launching_ || clearing_ > 0;
    if (!may_finish || base::Clock::now() >= patience) client_.cancel();
    net::Sleep sleep(reactor_, kPoll);
    co_await sleep;
  }
}

// The Engine's news.

net::Task<void> DockerDriver::run() {
  base::Duration next_pause = kFirstPause;
  while (!stopping_) {
    if (co_await follow()) next_pause = kFirstPause;
    co_await pause(next_pause);
    next_pause = std::min(next_pause * 2, kLongestPause);
  }
}

/// One connection's life: true if it began well.
net::Task<bool> DockerDriver::follow() {
  apis::docker::EventStream events(client_, compose_);
  stream_ = &events;
  // Opened before the list is read, so that nothing falls in between.
  const auto opened = co_await events.open();
  bool began = false;
  if (!opened) {
    engine_trouble_ = fmt::format("the Docker Engine: {}", opened.error().text);
  } else {
    began = co_await refresh();
    while (began && !stopping_) {
      auto event = co_await events.next();
      if (!event) {
        engine_trouble_ = fmt::format("the Docker Engine: {}", event.error().text);
        break;
      }
      co_await handle(std::move(*event));
    }
  }
  stream_ = nullptr;
  co_return began;
}

net::Task<void> DockerDriver::handle(apis::docker::Event event) {
  Member* member = find(event.container);
  if (event.action == "kill") {
    if (member == nullptr || member->stopping || others_.is_stopping(event.container)) co_return;
    // At once for what ends every container, so that no launch comes in between.
    if (apis::docker::ends(event.signal, {})) {
      others_.stopping(event.container, kUsualStop, base::Clock::now());
    }
    const auto text = co_await client_.inspect_text(event.container);
    const auto container = apis::docker::parse_container(text ? std::string_view(*text) : std::string_view());
    if (!container || !apis::docker::ends(event.signal, *container)) co_return;
    const int seconds = apis::docker::stop_seconds(*text);
    others_.stopping(event.container, std::chrono::seconds(std::max(seconds, 0)), base::Clock::now());
    co_return;
  }
  if (event.action == "die" && member != nullptr && !member->launched && member->replica.runs()) {
    if (member->ready) ended(*member, fmt::format("ended: exit status {}", event.exit_code));
    member->replica.state = Replica::State::kEnded;
    member->valid_from = kNever;
    others_.ended(event.container, base::Clock::now());
  }
  if (event.action == "die") {
    // The Engine tells of an end before its list knows of it; an inspection waits until it does.
    static_cast<void>(co_await client_.inspect_text(event.container));
    member = find(event.container);
    if (member != nullptr && !member->launched) member->valid_from = lists_ + 1;
  }
  static_cast<void>(co_await refresh());
}

net::Task<bool> DockerDriver::refresh() {
  const std::uint64_t number = ++lists_;
  const auto replicas = co_await client_.list(compose_);
  if (!replicas) {
    engine_trouble_ = fmt::format("the Docker Engine: {}", replicas.error().text);
    co_return false;
  }
  apply(*replicas, number);
  co_return true;
}

void DockerDriver::apply(const std::vector<Replica>& replicas, std::uint64_t number) {
  if (number < newest_list_) return;
  newest_list_ = number;
  engine_trouble_.clear();
  const bool is_first = !std::exchange(synced_, true);
  std::set<std::string_view> there;
  for (const Replica& replica : replicas) {
    there.insert(replica.id);
    note(replica, number, is_first);
  }
  for (auto it = members_.begin(); it != members_.end();) {
    Member& member = it->second;
    if (there.contains(it->first) || number < member.valid_from) {
      ++it;
      continue;
    }
    if (member.ready) ended(member, "was removed");
    if (member.launched) {
      launch_failed(fmt::format("{} was removed before it was ready", member.replica.name));
    }
    if (member.replica.runs()) others_.ended(it->first, base::Clock::now());
    it = members_.erase(it);
  }
  look_at_all();
}

void DockerDriver::note(const Replica& replica, std::uint64_t list, bool is_first) {
  const auto [at, is_new] = members_.try_emplace(replica.id);
  Member& member = at->second;
  if (list < member.valid_from) return;
  const bool ran = !is_new && member.replica.runs();
  member.replica = replica;
  if (is_new) {
    member.made_at = time_of(replica.created);
    member.since = base::Clock::now();
    // What was made long ago and never started is not about to run.
    if (replica.state == Replica::State::kCreated) member.since = std::max(member.made_at, base::TimePoint{});
    member.adopted = is_first && replica.runs();
  }
  if (replica.runs() == ran) return;
  if (replica.runs()) {
    others_.runs(replica.id, running() - 1, base::Clock::now());
    if (!member.launched) member.since = base::Clock::now();
  } else {
    if (member.ready) ended(member, fmt::format("ended: {}", replica.status));
    others_.ended(replica.id, base::Clock::now());
  }
}

net::Task<void> DockerDriver::find_image() {
  finding_image_ = true;
  while (!stopping_ && !settings_.image.empty() && image_id_.empty()) {
    const std::string image = settings_.image;
    const auto found = co_await client_.inspect_image(image);
    if (image != settings_.image) continue;
    if (found) {
      image_id_ = apis::docker::id_of(*found);
      image_trouble_.clear();
      break;
    }
    if (image_trouble_.empty()) {
      base::log_error("scaling {}: image {}: {}; it stays what it is", service_, image, found.error().text);
    }
    image_trouble_ = fmt::format("image {}: {}", image, found.error().text);
    const base::TimePoint end = base::Clock::now() + kImagePause;
    while (base::Clock::now() < end && image == settings_.image && !stopping_) co_await pause(kPoll);
  }
  finding_image_ = false;
}

// What becomes of containers.

std::string DockerDriver::url_of(const Replica& replica) const {
  if (!replica.runs()) return {};
  if (settings_.discovered) {
    for (const std::string& url : listed_) {
      const auto place = place_of(url);
      if (place && replica.is_at(place->host, place->port)) return url;
    }
    return {};
  }
  for (const apis::docker::Network& network : replica.networks) {
    if (!settings_.network.empty() && network.name != settings_.network) continue;
    if (!network.ipv4.empty()) return fmt::format("http://{}:{}", network.ipv4, settings_.port);
    if (!network.ipv6.empty()) return fmt::format("http://[{}]:{}", network.ipv6, settings_.port);
  }
  return {};
}

void DockerDriver::look_at_all() {
  std::erase_if(answered_, [this](const std::string& url) { return !is_wanted(url); });
  for (auto& [id, member] : members_) look_at(member);
  std::set<std::string> urls = listed_;
  if (!settings_.discovered) {
    urls.clear();
    for (const auto& [id, member] : members_) urls.insert(member.url);
    urls.erase("");
  }
  for (const std::string& url : urls) ask(url);
  const bool some_start =
      std::ranges::any_of(members_, [](const auto& each) { return each.second.launched; });
  if (some_start && !timer_.armed() && !stopping_) reactor_.arm(timer_, kLook);
}

void DockerDriver::look_at(Member& member) {
  if (member.failed && member.launched) return;
  const std::string url = url_of(member.replica);
  // A provider takes away what is not well, and we what is about to end: it is still the same server.
  if (!url.empty() && member.ready && url != member.url && !listed_.contains(member.url)) {
    ended(member, "has another address now");
  }
  if (!member.ready) member.url = url;
  if (member.launched && newest_list_ >= member.valid_from) {
    if (member.replica.state == Replica::State::kEnded ||
        member.replica.state == Replica::State::kRestarting) {
      return fail_launch(member,
                         fmt::format("{} ended at once: {}", member.replica.name, member.replica.status));
    }
  }
  const bool may_be_ready = !member.ready && member.replica.state == Replica::State::kRunning &&
                            !member.url.empty() && answered_.contains(member.url) && !member.stopping &&
                            !others_.is_stopping(member.replica.id) &&
                            (settings_.discovered || is_well(member.replica));
  if (!may_be_ready) return;
  member.ready = true;
  member.launched = member.made = member.failed = false;
  if (is_current(member)) remove_outdated();
  if (std::exchange(member.adopted, false)) {
    base::log_info("scaling {}: {} runs at {}", service_, member.replica.name, member.url);
    return;
  }
  const base::Duration took = base::Clock::now() - member.since;
  base::log_info("scaling {}: {} is ready at {} after {}", service_, member.replica.name, member.url,
                 base::format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(took)));
  events_.on_ready(member.url, took);
}

/// Those that have ended and have another image than the wanted one would be the last example one day.
void DockerDriver::remove_outdated() {
  for (auto& [id, member] : members_) {
    if (is_current(member) || member.replica.state != Replica::State::kEnded || member.removing) continue;
    if (!std::exchange(member.stopping, true)) spawn(remove_member(id, false));
  }
}

void DockerDriver::ended(Member& member, const std::string& why) {
  member.ready = false;
  const std::string url = std::exchange(member.url, "");
  answered_.erase(url);
  const bool expected = member.stopping || others_.is_stopping(member.replica.id);
  const std::string sentence = fmt::format("{} {}", member.replica.name, why);
  if (expected) {
    base::log_info("scaling {}: {}", service_, sentence);
  } else {
    base::log_error("scaling {}: {}", service_, sentence);
  }
  events_.on_gone(url, expected, sentence);
}

bool DockerDriver::is_wanted(const std::string& url) const {
  return listed_.contains(url) || std::ranges::any_of(members_, [&](const auto& each) {
           return each.second.url == url && (each.second.ready || !settings_.discovered);
         });
}

void DockerDriver::ask(const std::string& url) {
  if (stopping_ || answered_.contains(url) || !asking_.insert(url).second) return;
  spawn(ask_until_answered(url));
}

net::Task<void> DockerDriver::ask_until_answered(std::string url) {
  const auto place = place_of(url);
  const auto ip = place ? net::IpAddress::parse(place->host) : std::nullopt;
  base::Duration next_pause = kFirstProbe;
  while (!stopping_ && is_wanted(url)) {
    // A host name is not a container's address; it is left to health checks.
    const bool is_up =
        !ip || co_await answers(reactor_, net::SocketAddress(*ip, place->port), url, settings_.ready_path);
    if (is_up && is_wanted(url)) {
      answered_.insert(url);
      break;
    }
    co_await pause(next_pause);
    next_pause = std::min(next_pause * 2, kLongestProbe);
  }
  asking_.erase(url);
  look_at_all();
}

std::string DockerDriver::why_not_ready(const Member& member) const {
  if (!is_well(member.replica)) return fmt::format("it is {}", member.replica.status);
  if (!member.url.empty()) return fmt::format("it does not answer at {}", member.url);
  return settings_.discovered ? "the provider does not use it" : "it has no address in the network";
}

void DockerDriver::fail_the_late() {
  const base::TimePoint limit = base::Clock::now() - settings_.start_timeout;
  bool some_start = false;
  for (auto& [id, member] : members_) {
    if (!member.launched || member.failed) continue;
    if (member.since > limit) {
      some_start = true;
    } else {
      fail_launch(member, fmt::format("{} was not ready within {}: {}", member.replica.name,
                                      base::format_duration(settings_.start_timeout), why_not_ready(member)));
    }
  }
  if (some_start && !stopping_) reactor_.arm(timer_, kLook);
}

}  // namespace limpet::scaling
