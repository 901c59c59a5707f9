#include "scaling/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "config/scaling_texts.h"

namespace limpet::scaling {
namespace {

constexpr base::Duration kUsualStart = std::chrono::seconds(2);
constexpr std::size_t kRemembered = 20;

bool is_down(const balancing::ServerState& state, base::TimePoint now) {
  return state.health() == balancing::Health::kDown || state.is_ejected(now);
}

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::ranges::find(texts, text) != texts.end();
}

std::uint32_t count(const std::vector<Server>& servers, Phase phase) {
  return static_cast<std::uint32_t>(std::ranges::count(servers, phase, &Server::phase));
}

}  // namespace

Settings settings_of(const config::LoadBalancer& settings, const Override& changed) {
  const config::Scaling scaling = settings.scaling.value_or(config::Scaling{});
  Settings out;
  out.max = std::max(changed.max.value_or(scaling.max), 1U);
  out.min = std::min(changed.min.value_or(scaling.min), out.max);
  out.capacity =
      scaling.capacity.value_or(settings.capacity == 0 ? config::Scaling::kUsualCapacity : settings.capacity);
  out.target = scaling.target;
  out.headroom = scaling.headroom;
  out.soft = scaling.soft;
  out.placement =
      scaling.placement == config::ScalingPlacement::kPack ? Placement::kPack : Placement::kSpread;
  out.interval = scaling.interval;
  out.stabilisation = scaling.stabilisation;
  out.drain_deadline = scaling.drain;
  out.close_window = scaling.close_window;
  return out;
}

bool Pool::configure(const config::LoadBalancer& settings) {
  config::Scaling scaling = settings.scaling.value_or(config::Scaling{});
  if (scaling.process && changed_.command) scaling.process->command = *changed_.command;
  if (scaling.docker && changed_.image) scaling.docker->image = *changed_.image;
  if (!driver_->reconfigure(scaling)) {
    retire();
    return false;
  }
  retired_ = false;
  if (configured_ != settings) due_ = true;
  configured_ = settings;
  settings_ = settings_of(configured_, changed_);
  return true;
}

std::expected<void, std::string> Pool::change(const Override& changed) {
  if (changed.command) {
    if (driver_->name() != "process") {
      return std::unexpected(fmt::format("driver {} runs no command", driver_->name()));
    }
    if (const auto words = config::split_command(*changed.command); !words) {
      return std::unexpected(
          fmt::format("command: expected {} at column {}", words.error().expected, words.error().offset + 1));
    }
  }
  if (changed.image && driver_->name() != "docker") {
    return std::unexpected(fmt::format("driver {} has no image", driver_->name()));
  }
  const config::Scaling& scaling = *configured_.scaling;
  const std::uint32_t min = changed.min.value_or(scaling.min);
  const std::uint32_t max = changed.max.value_or(scaling.max);
  if (max == 0) return std::unexpected("max: expected at least 1");
  if (min > max)
    return std::unexpected(fmt::format("min: expected at most max, which is {}, got {}", max, min));
  if (changed.image && changed.image == changed_.image) {
    // The same name may stand for another image by now, so the driver is to look again.
    changed_.image.reset();
    static_cast<void>(configure(config::LoadBalancer(configured_)));
  }
  changed_ = changed;
  due_ = true;
  static_cast<void>(configure(config::LoadBalancer(configured_)));
  return {};
}

void Pool::set_listed(std::vector<Listed> listed) {
  listed_ = std::move(listed);
  std::vector<std::string> urls;
  for (const Listed& each : listed_) urls.push_back(each.state->url());
  if (!driver_->publishes()) driver_->discovered(urls);
}

Pool::Record& Pool::record_of(const std::string& url, base::TimePoint now) {
  const auto [at, is_new] = records_.try_emplace(url);
  if (is_new) at->second = {.state = host_.server_state(service_, url), .started_at = now};
  return at->second;
}

void Pool::note_people(Record& record, bool fenced, base::TimePoint now) const {
  const bool draining = fenced || record.state->admin() != balancing::AdminState::kReady;
  if (draining && !record.drain_since) {
    record.drain_since = now;
    record.ours = false;
  } else if (!draining) {
    record.drain_since.reset();
    record.closing = false;
  }
}

Server Pool::seen(const std::string& url, Record& record, bool is_up) const {
  const Phase alive = record.drain_since ? Phase::kDraining : Phase::kReady;
  return {.id = url,
          .phase = is_up ? alive : Phase::kDead,
          .connections = record.state->seats_taken(),
          .reserved = record.state->seats_reserved(),
          .started_at = record.started_at,
          .drain_since = record.drain_since.value_or(base::TimePoint{}),
          .may_return = record.ours};
}

bool Pool::takes_part(const std::string& url, bool& fenced) const {
  fenced = false;
  if (driver_->publishes()) return true;
  const auto listed =
      std::ranges::find_if(listed_, [&url](const Listed& each) { return each.state->url() == url; });
  if (listed == listed_.end() || !contains(admission_.admitted, url)) return false;
  fenced = listed->fenced;
  return listed->resolved;
}

std::vector<Server> Pool::observe(base::TimePoint now) {
  std::vector<Server> servers;
  const bool tracks = driver_->tracks();
  for (const DrivenServer& driven : driver_->servers()) {
    if (driven.state == DrivenServer::State::kStopping) continue;
    if (driven.state == DrivenServer::State::kStarting) {
      servers.push_back({.id = driven.url.empty() ? driven.name : driven.url,
                         .phase = Phase::kStarting,
                         .started_at = driven.started_at});
    } else if (tracks) {
      Record& record = record_of(driven.url, now);
      record.started_at = driven.started_at;
      bool fenced = false;
      const bool stays = takes_part(driven.url, fenced) && !record.leaves_at;
      note_people(record, fenced, now);
      servers.push_back(seen(driven.url, record, stays && !is_down(*record.state, now)));
    }
  }
  if (tracks) return servers;
  for (const Listed& each : listed_) {
    Record& record = record_of(each.state->url(), now);
    note_people(record, each.fenced, now);
    servers.push_back(seen(each.state->url(), record, each.resolved && !is_down(*each.state, now)));
  }
  std::erase_if(records_, [this](const auto& item) {
    return std::ranges::none_of(listed_, [&](const Listed& each) { return each.state->url() == item.first; });
  });
  return servers;
}

void Pool::note_arrivals(base::TimePoint now) {
  const std::uint64_t arrivals = host_.demand(service_).arrivals;
  const std::uint64_t before = std::exchange(arrivals_seen_, arrivals).value_or(arrivals);
  if (arrivals > before) arrivals_.note(now, static_cast<std::uint32_t>(arrivals - before));
}

void Pool::note_proven(base::TimePoint now) {
  for (auto& [url, record] : records_) {
    if (record.proven || !record.ready_at || now - *record.ready_at < kProven) continue;
    record.proven = true;
    history_.launch_succeeded();
  }
}

bool Pool::something_happened() {
  if (std::exchange(due_, false)) return true;
  if (host_.demand(service_).waiting > 0) return true;
  const auto full = std::ranges::count_if(records_, [this](const auto& item) {
    return !item.second.drain_since && item.second.state->seats_in_use() >= settings_.capacity;
  });
  return full > std::exchange(full_, full);
}

void Pool::glance(base::TimePoint now) {
  now_ = now;
  note_arrivals(now);
  note_proven(now);
  finish_leaving(now);
  if (retired_) return finish_retired(now);
  if (changed_.paused || !driver_->knows()) return;
  const bool happened = something_happened();
  if (!happened && next_ && now < *next_) return;
  decide_now(now);
  next_ = now + settings_.interval;
}

void Pool::replace_old(std::vector<Server>& servers, base::TimePoint now) {
  std::vector<std::string> old;
  for (const DrivenServer& driven : driver_->servers()) {
    if (!driven.current && driven.state == DrivenServer::State::kReady) old.push_back(driven.url);
  }
  old_ = static_cast<std::uint32_t>(old.size());
  if (old.empty()) return;
  const auto is_old = [&](const Server& server) { return contains(old, server.id); };
  const auto fresh = std::ranges::count_if(
      servers, [&](const Server& server) { return server.phase == Phase::kReady && !is_old(server); });
  const bool replaced = fresh > 0 && static_cast<std::uint32_t>(fresh) >= last_.wanted;
  for (Server& server : servers) {
    if (!is_old(server)) continue;
    if (server.phase == Phase::kReady && replaced) {
      drain(server.id, false, now);
      server = seen(server.id, records_.at(server.id), true);
    }
    server.may_return = false;
    // Until others have taken its place it goes on taking users, but is not what the policy counts on.
    if (server.phase == Phase::kReady) server.phase = Phase::kDead;
  }
}

void Pool::decide_now(base::TimePoint now) {
  std::vector<Server> servers = observe(now);
  replace_old(servers, now);
  Settings settings = settings_;
  settings.max += old_;
  if (old_ > 0) settings.min = std::max(settings.min, 1U);
  const Observation observation{.servers = servers,
                                .waiting = host_.demand(service_).waiting,
                                .arrivals = arrivals_.expected(now),
                                .start_time = start_times_.p95(kUsualStart)};
  Decision decision = decide(settings, observation, history_, now);
  limit_launches(decision);
  history_.note(settings, decision, now);
  remember(decision);
  carry_out(decision, servers, now);
}

void Pool::limit_launches(Decision& decision) const {
  if (decision.launch == 0) return;
  const auto driven = driver_->servers();
  const auto alive = static_cast<std::uint32_t>(std::ranges::count_if(
      driven, [](const DrivenServer& each) { return each.state != DrivenServer::State::kStopping; }));
  const std::uint32_t most = 2 * settings_.max + old_;
  const std::uint32_t room = most > alive ? most - alive : 0;
  if (decision.launch <= room) return;
  decision.launch = room;
  decision.why += fmt::format(", but no more than {}, since {} run and most of them are down", room, alive);
}

void Pool::remember(const Decision& decision) {
  const bool is_news = past_.empty() || past_.back().why != decision.why || decision.acts();
  // Closing goes on for many decisions; each is the same.
  if (decision.acts() && is_news && last_.why != decision.why) {
    base::log_info("scaling {}: {}", service_, decision.why);
  }
  last_ = decision;
  if (!is_news) return;
  past_.push_back({.at = base::WallClock::now(), .acts = decision.acts(), .why = decision.why});
  if (past_.size() > kRemembered) past_.pop_front();
}

void Pool::carry_out(const Decision& decision, const std::vector<Server>& servers, base::TimePoint now) {
  for (const std::string& url : decision.undrain) take_back(url);
  for (const std::string& url : decision.drain) drain(url, true, now);
  for (const ClosePlan& plan : decision.close) close(plan);
  Order order{.launch = decision.launch};
  for (const std::string& url : decision.stop) {
    if (driver_->tracks()) {
      let_go(url, std::ranges::find(servers, url, &Server::id)->taken() > 0, now);
    } else {
      order.stop.push_back(url);
    }
  }
  launches_ += decision.launch;
  order.wanted = decision.launch + count(servers, Phase::kReady) + count(servers, Phase::kStarting) +
                 static_cast<std::uint32_t>(decision.undrain.size()) -
                 static_cast<std::uint32_t>(decision.drain.size());
  for (const auto& [url, record] : records_) {
    if (record.drain_since && !contains(order.stop, url)) order.drain.push_back(url);
  }
  driver_->carry_out(order);
  publish();
}

void Pool::drain(const std::string& url, bool ours, base::TimePoint now) {
  Record& record = record_of(url, now);
  record.state->set_admin(balancing::AdminState::kDraining);
  record.drain_since = now;
  record.ours = ours;
  ++drains_;
}

void Pool::take_back(const std::string& url) {
  Record& record = records_.at(url);
  if (std::exchange(record.closing, false)) host_.keep_tunnels(record.state);
  record.state->set_admin(balancing::AdminState::kReady);
  record.drain_since.reset();
  record.leaves_at.reset();
  ++taken_back_;
}

void Pool::close(const ClosePlan& plan) {
  Record& record = records_.at(plan.id);
  if (std::exchange(record.closing, true)) return;
  base::log_info("scaling {}: closing the {} connections left on {}", service_, plan.connections, plan.id);
  closed_ += plan.connections;
  host_.close_tunnels(record.state, plan.end - plan.begin);
}

void Pool::let_go(const std::string& url, bool forced, base::TimePoint now) {
  Record& record = records_.at(url);
  if (record.leaves_at) return;
  record.leaves_at = now + kLeave;
  record.forced = forced;
}

void Pool::finish_leaving(base::TimePoint now) {
  Order order;
  for (auto& [url, record] : records_) {
    if (!record.leaves_at || now < *record.leaves_at) continue;
    if (!record.forced && record.state->seats_in_use() > 0) {
      record.leaves_at.reset();  // somebody came back in the last moment
    } else {
      order.stop.push_back(url);
      record.leaves_at = base::TimePoint::max();
    }
  }
  if (!order.stop.empty()) driver_->carry_out(order);
  publish();
}

void Pool::retire() {
  if (std::exchange(retired_, true)) return;
  if (driver_->owns_servers()) {
    base::log_info("scaling {}: scaled no more; servers end with their last user", service_);
    return;
  }
  base::log_info("scaling {}: scaled no more; servers stay as they are", service_);
  for (auto& [url, record] : records_) {
    if (record.drain_since && record.ours) take_back(url);
  }
}

void Pool::finish_retired(base::TimePoint now) {
  if (!driver_->owns_servers()) return;
  for (const DrivenServer& driven : driver_->servers()) {
    if (driven.state == DrivenServer::State::kStopping) continue;
    if (driven.state == DrivenServer::State::kStarting) {
      driver_->carry_out({.stop = {driven.url}});
      continue;
    }
    Record& record = record_of(driven.url, now);
    if (!record.drain_since) drain(driven.url, true, now);
    if (record.state->seats_in_use() == 0) let_go(driven.url, false, now);
  }
}

bool Pool::is_over() const {
  return retired_ && (!driver_->owns_servers() || driver_->servers().empty());
}

void Pool::publish() {
  if (!driver_->tracks()) return;
  const auto leaves = [this](const std::string& url) {
    const auto known = records_.find(url);
    return known != records_.end() && known->second.leaves_at.has_value();
  };
  if (!driver_->publishes()) {
    Admission now{.admitted = driver_->admitted(), .leaving = {}};
    std::erase_if(now.admitted, leaves);
    for (const DrivenServer& driven : driver_->servers()) {
      if (!driven.url.empty() && leaves(driven.url)) now.leaving.push_back(driven.url);
    }
    if (now == admission_) return;
    admission_ = now;
    return host_.admit(service_, std::move(now));
  }
  std::vector<std::string> urls;
  for (const DrivenServer& driven : driver_->servers()) {
    if (driven.state == DrivenServer::State::kReady && !leaves(driven.url)) urls.push_back(driven.url);
  }
  if (urls == published_) return;
  published_ = urls;
  std::vector<config::Server> servers;
  for (const std::string& url : urls) servers.push_back({.url = url, .driven = true});
  host_.set_servers(service_, std::move(servers));
}

void Pool::on_ready(std::string_view url, base::Duration took) {
  start_times_.note(took);
  records_.erase(std::string(url));
  Record& record = record_of(std::string(url), now_);
  record.ready_at = now_;
  // An earlier server of the same address may have left its marks.
  record.state->set_admin(balancing::AdminState::kReady);
  due_ = true;
}

void Pool::on_launch_failed(std::string_view why) {
  trouble_ = why;
  ++failed_launches_;
  history_.launch_failed(settings_, now_);
  due_ = true;
}

void Pool::on_gone(std::string_view url, bool expected, std::string_view why) {
  const auto known = records_.find(std::string(url));
  if (expected) {
    ++stops_;
  } else {
    trouble_ = why;
    // Who was there before us, or is somebody else's, is no launch of ours.
    const bool proven = known != records_.end() && (known->second.proven || !known->second.ready_at);
    if (!proven) history_.launch_failed(settings_, now_);
  }
  if (known != records_.end()) records_.erase(known);
  due_ = true;
}

PoolView Pool::view(base::TimePoint now) const {
  PoolView view{.service = service_,
                .driver = driver_->name(),
                .min = settings_.min,
                .max = settings_.max,
                .capacity = settings_.capacity,
                .changed = changed_,
                .wanted = last_.wanted,
                .kept = last_.kept,
                .waiting = host_.demand(service_).waiting,
                .arrivals = arrivals_.expected(now),
                .start_time = start_times_.p95(base::Duration::zero()),
                .failures = history_.failures(),
                .retry_in = std::max(history_.retry_at() - now, base::Duration::zero()),
                .trouble = driver_->trouble().empty() ? trouble_ : driver_->trouble(),
                .launches = launches_,
                .failed_launches = failed_launches_,
                .drains = drains_,
                .taken_back = taken_back_,
                .closed = closed_,
                .stops = stops_,
                .decisions = {past_.begin(), past_.end()}};
  const auto add = [&](PoolView::Member member, const balancing::ServerState* state) {
    if (state != nullptr) {
      member.connections = state->seats_taken();
      member.reserved = state->seats_reserved();
      const auto known = records_.find(state->url());
      member.stopping = member.stopping || (known != records_.end() && known->second.leaves_at.has_value());
      member.phase = is_down(*state, now)                              ? Phase::kDead
                     : state->admin() != balancing::AdminState::kReady ? Phase::kDraining
                                                                       : Phase::kReady;
    }
    std::uint32_t& number = member.stopping                    ? view.stopping
                            : member.phase == Phase::kStarting ? view.starting
                            : member.phase == Phase::kReady    ? view.ready
                            : member.phase == Phase::kDraining ? view.draining
                                                               : view.down;
    ++number;
    view.members.push_back(std::move(member));
  };
  for (const DrivenServer& driven : driver_->servers()) {
    const auto known = records_.find(driven.url);
    const bool has_state = driven.state != DrivenServer::State::kStarting && known != records_.end();
    add({.name = driven.name,
         .url = driven.url,
         .stopping = driven.state == DrivenServer::State::kStopping,
         .current = driven.current},
        has_state ? known->second.state.get() : nullptr);
  }
  if (!driver_->tracks()) {
    for (const Listed& each : listed_) add({.url = each.state->url()}, each.state.get());
  }
  return view;
}

net::Task<void> Pool::stop() {
  retired_ = true;
  co_await driver_->stop();
}

}  // namespace limpet::scaling
