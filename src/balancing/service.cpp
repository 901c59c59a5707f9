#include "balancing/service.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "http/cookie.h"

namespace limpet::balancing {
namespace {

using config::LostPolicy;
using config::StickySource;
using config::StickySourceKind;

// Long enough for a server to start; clients give up after 20 s (Socket.IO) or later.
constexpr base::Duration kWaitForScaling = std::chrono::seconds(15);

std::span<const std::uint32_t> tried_of(const Choice& choice) noexcept {
  return choice.tried == nullptr ? std::span<const std::uint32_t>() : std::span(*choice.tried);
}

/// The path segment that follows `prefix`.
std::optional<std::string_view> segment_after(std::string_view path, std::string_view prefix) noexcept {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  return path.substr(0, path.find('/'));
}

/// What a source other than the cookie says, if the request has it.
std::optional<std::string_view> value_of(const StickySource& source, const http::RequestHead& head) noexcept {
  switch (source.kind) {
    case StickySourceKind::kQuery:
      return http::find_query(head.query, source.name);
    case StickySourceKind::kHeader:
      return head.find(source.name);
    case StickySourceKind::kPath:
      return segment_after(head.path, source.name);
    case StickySourceKind::kSid:
      return http::find_query(head.query, "sid");
    case StickySourceKind::kCookie:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string_view refusal_name(Refusal refusal) noexcept {
  switch (refusal) {
    case Refusal::kNoServer:
      return "no-server";
    case Refusal::kAllFull:
      return "all-full";
    case Refusal::kQueueFull:
      return "queue-full";
    case Refusal::kBoundDown:
      return "bound-server-down";
    case Refusal::kBoundFull:
      return "bound-server-full";
    case Refusal::kBoundUnknown:
      return "bound-server-unknown";
    case Refusal::kBoundDraining:
      return "bound-server-draining";
    case Refusal::kWait:
      return "wait";
  }
  return "no-server";
}

Service::Service(std::string qualified_name, const config::LoadBalancer& settings,
                 std::vector<Server> servers, std::shared_ptr<ServiceState> state)
    : name_(std::move(qualified_name)),
      settings_(settings),
      servers_(std::move(servers)),
      queue_timeout_(
          settings_.queue_timeout.value_or(settings_.scaling ? kWaitForScaling : base::Duration{})),
      state_(state == nullptr ? std::make_shared<ServiceState>(name_, 1) : std::move(state)),
      learns_sid_(counts_sessions()),
      sids_(std::make_shared<SidTable>(counts_sessions() ? SidTable::kCountedLifetime
                                                         : SidTable::kUsualLifetime)),
      picker_(make_picker()) {
  set_up_sticky();
}

Picker Service::make_picker() const {
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < servers_.size(); ++i) {
    const Server& server = servers_[i];
    if (server.weight == 0 || server.fenced || server.addresses.empty()) continue;
    candidates.push_back({.state = server.state.get(),
                          .server = i,
                          .weight = server.weight,
                          .capacity = server.capacity,
                          .hrw_seed = base::fnv1a_64(server.url)});
  }
  config::Strategy strategy = settings_.strategy;
  if (settings_.scaling && strategy == config::Strategy::kWrr) {
    const bool spread = settings_.scaling->placement == config::ScalingPlacement::kSpread;
    strategy = spread ? config::Strategy::kSpread : config::Strategy::kPack;
  }
  return {strategy, std::move(candidates), base::fnv1a_64(name_),
          settings_.scaling ? settings_.scaling->soft : Picker::kUsualSoft};
}

void Service::set_up_sticky() {
  const auto format = settings_.sticky && settings_.sticky->cookie ? settings_.sticky->cookie->format
                                                                   : config::CookieFormat::kFnv1a;
  const std::string secret = format == config::CookieFormat::kHmac ? settings_.sticky->cookie->secret : "";
  for (Server& server : servers_) {
    server.hrw_seed = base::fnv1a_64(server.url);
    server.cookie_value = balancing::cookie_value(server.url, format, secret);
  }
  if (!settings_.sticky) return;

  sources_ = settings_.sticky->sources;
  if (sources_.empty()) sources_ = {{StickySourceKind::kCookie, ""}, {StickySourceKind::kSid, ""}};
  if (!settings_.sticky->cookie) {
    std::erase_if(sources_,
                  [](const StickySource& source) { return source.kind == StickySourceKind::kCookie; });
  }
  const auto has_source = [this](StickySourceKind kind) {
    return std::ranges::find(sources_, kind, &StickySource::kind) != sources_.end();
  };
  if (has_source(StickySourceKind::kCookie)) cookie_name_ = cookie_name_of(*settings_.sticky->cookie, name_);
  learns_sid_ = learns_sid_ || has_source(StickySourceKind::kSid);
  for (std::uint32_t i = 0; learns_sid_ && i < servers_.size(); ++i)
    by_state_.emplace(servers_[i].state.get(), i);

  std::vector<std::string_view> urls;
  urls.reserve(servers_.size());
  for (const Server& server : servers_) urls.push_back(server.url);
  index_ = CookieIndex(urls, secret, format);
}

std::expected<Selected, Refused> Service::choose(const Choice& choice) const {
  const std::optional<std::string_view> cookie = sent_cookie(*choice.head);
  const Binding binding = find_binding(choice, cookie);
  if (!binding.server) {
    if (binding.unknown && settings_.sticky->on_unknown == LostPolicy::kReject) {
      return std::unexpected(Refused{.reason = Refusal::kBoundUnknown});
    }
    return choose_anew(choice);
  }
  // Who comes back while the tunnels are being closed would only be closed again.
  if (servers_[*binding.server].state->admin() == AdminState::kClosing) return choose_anew(choice);
  std::expected<Seat, Refusal> seat = take_bound_seat(choice, *binding.server);
  if (seat) {
    const bool says_so = cookie == servers_[*binding.server].cookie_value;
    const bool write = !cookie_name_.empty() && !says_so && (cookie.has_value() || !binding.by_sid);
    return Selected{
        .index = *binding.server, .seat = std::move(*seat), .by_sticky = true, .write_cookie = write};
  }
  switch (policy_for(seat.error())) {
    case LostPolicy::kMove:
      break;
    case LostPolicy::kWait:
      return std::unexpected(Refused{.reason = Refusal::kWait,
                                     .wait_timeout = settings_.sticky->wait_timeout,
                                     .after_wait = seat.error()});
    case LostPolicy::kReject:
      return std::unexpected(Refused{.reason = seat.error()});
  }
  return choose_anew(choice);
}

std::optional<std::string_view> Service::sent_cookie(const http::RequestHead& head) const noexcept {
  constexpr int kMostValues = 8;
  if (cookie_name_.empty()) return std::nullopt;
  std::optional<std::string_view> first;
  int seen = 0;
  for (const http::Field& field : head.fields) {
    if (field.id != http::FieldId::kCookie) continue;
    std::string_view rest = field.value;
    // A stale cookie of a longer path comes first and would hide the good one for ever.
    while (const auto value = http::find_cookie(rest, cookie_name_)) {
      if (index_.find(*value)) return value;
      if (!first) first = value;
      if (++seen == kMostValues) return first;
      rest.remove_prefix(static_cast<std::size_t>(value->data() + value->size() - rest.data()));
    }
  }
  return first;
}

Service::Binding Service::find_binding(const Choice& choice, std::optional<std::string_view> cookie) const {
  Binding binding;
  for (const StickySource& source : sources_) {
    const auto value = source.kind == StickySourceKind::kCookie ? cookie : value_of(source, *choice.head);
    if (!value || value->empty()) continue;
    if (source.kind == StickySourceKind::kSid) {
      const std::shared_ptr<ServerState> state = sids_->find(*value, choice.now);
      const auto found = by_state_.find(state.get());
      if (state != nullptr && found != by_state_.end()) binding.server = found->second;
    } else {
      binding.server = index_.find(*value);
    }
    if (binding.server) {
      binding.by_sid = source.kind == StickySourceKind::kSid;
      return binding;
    }
    binding.unknown = true;
  }
  return binding;
}

std::expected<Seat, Refusal> Service::take_bound_seat(const Choice& choice, std::uint32_t index) const {
  const Server& server = servers_[index];
  ServerState& state = *server.state;
  if (state.health() == Health::kDown || state.is_ejected(choice.now) || server.addresses.empty() ||
      std::ranges::find(tried_of(choice), index) != tried_of(choice).end()) {
    return std::unexpected(Refusal::kBoundDown);
  }
  const bool draining = server.fenced || state.admin() == AdminState::kDraining;
  if (draining && settings_.sticky->on_draining != LostPolicy::kMove) {
    return std::unexpected(Refusal::kBoundDraining);
  }
  auto seat = Seat::take(state, choice.seat, server.capacity, counted(*choice.head, choice.now));
  if (!seat) return std::unexpected(Refusal::kBoundFull);
  return std::move(*seat);
}

config::LostPolicy Service::policy_for(Refusal lost) const noexcept {
  switch (lost) {
    case Refusal::kBoundDown:
      return settings_.sticky->on_down;
    case Refusal::kBoundDraining:
      return settings_.sticky->on_draining;
    case Refusal::kBoundFull:
      return settings_.sticky->on_full;
    default:
      return LostPolicy::kMove;
  }
}

std::expected<Selected, Refused> Service::choose_anew(const Choice& choice) const {
  const auto wait_or = [this](Refusal reason) {
    if (queue_timeout_.count() <= 0) return std::unexpected(Refused{.reason = reason});
    return std::unexpected(
        Refused{.reason = Refusal::kWait, .wait_timeout = queue_timeout_, .after_wait = reason});
  };
  const Counted counts = counted(*choice.head, choice.now);
  const bool limited = choice.seat == SeatKind::kTunnel ? counts.tunnel : counts.request;
  if (!choice.waited && limited && state_->waiting() > 0 && picker_.any_takes_users(choice.now)) {
    return wait_or(Refusal::kAllFull);
  }
  std::expected<Picked, PickFailure> picked = picker_.pick({.client = choice.client,
                                                            .now = choice.now,
                                                            .seat = choice.seat,
                                                            .counted = counts,
                                                            .tried = tried_of(choice)});
  if (picked) {
    return Selected{.index = picked->server,
                    .seat = std::move(picked->seat),
                    .by_sticky = false,
                    .write_cookie = !cookie_name_.empty()};
  }
  if (picked.error() == PickFailure::kAllFull) return wait_or(Refusal::kAllFull);
  if (settings_.scaling) return wait_or(Refusal::kNoServer);
  return std::unexpected(Refused{.reason = Refusal::kNoServer});
}

Counted Service::counted(const http::RequestHead& head, base::TimePoint now) const {
  switch (settings_.capacity_counts) {
    case config::CapacityCounts::kConnections:
      break;
    case config::CapacityCounts::kTunnels:
      return {.request = head.upgrade, .tunnel = true};
    case config::CapacityCounts::kRequests:
      return {.request = true, .tunnel = false};
    case config::CapacityCounts::kSessions: {
      const auto sid = http::find_query(head.query, "sid");
      // The session has its seat already. One that we don't know, say after a restart, counts by its tunnel.
      const bool begins = sid ? head.upgrade && sids_->find(*sid, now) == nullptr
                              : head.upgrade || http::find_query(head.query, "EIO").has_value();
      return {.request = begins, .tunnel = begins};
    }
  }
  return {};
}

void Service::adopt_sids(std::shared_ptr<SidTable> sids) {
  sids_ = std::move(sids);
  sids_->set_lifetime(counts_sessions() ? SidTable::kCountedLifetime : SidTable::kUsualLifetime);
}

bool Service::is_up(base::TimePoint now) const noexcept {
  return picker_.any_takes_users(now) || (settings_.scaling && servers_.empty());
}

base::TimePoint Service::next_return(base::TimePoint now) const noexcept {
  base::TimePoint first = base::TimePoint::max();
  for (const Server& server : servers_) {
    const base::TimePoint end = server.state->ejected_until();
    if (end > now) first = std::min(first, end);
  }
  return first;
}

std::string Service::set_cookie(std::uint32_t index) const {
  LIMPET_CHECK(!cookie_name_.empty());
  return sticky_set_cookie(*settings_.sticky->cookie, cookie_name_, servers_[index].cookie_value);
}

}  // namespace limpet::balancing
