#include "balancing/service.h"

#include <algorithm>
#include <charconv>

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
// Between a server's cookie value and a placement's id; a character that none of the formats but `raw` has.
constexpr char kPlacementMark = '~';
constexpr std::size_t kPlacementDigits = 16;

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
                 std::vector<Server> servers, std::shared_ptr<ServiceState> state, Admissions* admissions)
    : name_(std::move(qualified_name)),
      settings_(settings),
      servers_(std::move(servers)),
      queue_timeout_(
          settings_.queue_timeout.value_or(settings_.scaling ? kWaitForScaling : base::Duration{})),
      state_(state == nullptr ? std::make_shared<ServiceState>(name_, 1) : std::move(state)),
      admissions_(admissions),
      ticket_id_(base::fnv1a_64(name_)),
      learns_sid_(counts_sessions()),
      sids_(std::make_shared<SidTable>(counts_sessions() ? SidTable::kCountedLifetime
                                                         : SidTable::kUsualLifetime)),
      picker_(make_picker()) {
  set_up_sticky();
  for (std::uint32_t i = 0; i < servers_.size(); ++i) {
    by_state_.emplace(servers_[i].state.get(), i);
    servers_[i].ticket_id = base::fnv1a_64(name_ + "|" + servers_[i].url);
    by_ticket_server_.emplace(servers_[i].ticket_id, i);
  }
  if (admissions_ == nullptr) return;
  const std::vector<std::string>& own_keys = settings_.tickets.keys;
  ticket_keys_ = own_keys.empty() ? admissions_->keys : std::make_shared<const TicketKeys>(own_keys);
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
  std::vector<std::string_view> urls;
  urls.reserve(servers_.size());
  for (const Server& server : servers_) urls.push_back(server.url);
  index_ = CookieIndex(urls, secret, format);
}

std::optional<std::string_view> Service::sent_ticket(const http::RequestHead& head) const noexcept {
  std::optional<std::string_view> found = http::find_query(head.query, settings_.tickets.query);
  if (!found || !looks_like_ticket(*found)) found = head.find(settings_.tickets.header);
  return found && looks_like_ticket(*found) ? found : std::nullopt;
}

std::expected<Admission, TicketVerdict> Service::admit(const http::RequestHead& head, base::TimePoint now,
                                                       std::uint64_t unix_ms) const {
  if (admissions_ == nullptr) return Admission{};
  const auto refuse = [this](TicketVerdict verdict) {
    admissions_->count(verdict);
    return std::unexpected(verdict);
  };
  const std::optional<std::string_view> text = sent_ticket(head);
  if (!text && !settings_.tickets.required) return Admission{};
  const auto sid = learns_sid_ ? http::find_query(head.query, "sid") : std::nullopt;
  const std::shared_ptr<ServerState> session = sid ? sids_->find(*sid, now) : nullptr;
  if (!text)
    return session != nullptr ? Admission{}
                              : std::expected<Admission, TicketVerdict>(refuse(TicketVerdict::kMissing));
  const auto ticket = ticket_keys_->verify(*text, session != nullptr ? 0 : unix_ms);
  if (!ticket) return refuse(ticket.error());
  if (ticket->service != ticket_id_) return refuse(TicketVerdict::kForeign);
  return Admission{.ticket = *ticket, .spend = ticket->nonce != 0 && session == nullptr};
}

bool Service::accept(const Admission& admission, std::uint64_t unix_ms) const {
  if (!admission.ticket) return true;
  const Ticket& ticket = *admission.ticket;
  const bool accepted =
      !admission.spend || admissions_->spent.spend(ticket.nonce, ticket.expires_ms, unix_ms);
  admissions_->count(accepted ? TicketVerdict::kAccepted : TicketVerdict::kReplayed);
  return accepted;
}

std::expected<Selected, Refused> Service::choose(const Choice& choice) const {
  if (choice.anew) return choose_anew(choice);
  const std::optional<std::string_view> cookie = sent_cookie(*choice.head);
  const Binding binding = find_binding(choice, cookie);
  if (!binding.server) {
    if (binding.unknown && sticky().on_unknown == LostPolicy::kReject) {
      return std::unexpected(Refused{.reason = Refusal::kBoundUnknown});
    }
    return choose_anew(choice);
  }
  // Who comes back while the tunnels are being closed would only be closed again.
  if (servers_[*binding.server].state->admin() == AdminState::kClosing) return choose_anew(choice);
  std::expected<Selected, Refusal> selected = take_bound_seat(choice, binding);
  if (selected) {
    const bool write =
        !cookie_name_.empty() && !says_so(cookie, binding) && (cookie.has_value() || !binding.by_sid);
    selected->by_sticky = true;
    selected->write_cookie = write;
    return std::move(*selected);
  }
  switch (policy_for(selected.error())) {
    case LostPolicy::kMove:
      break;
    case LostPolicy::kWait:
      return std::unexpected(Refused{
          .reason = Refusal::kWait, .wait_timeout = sticky().wait_timeout, .after_wait = selected.error()});
    case LostPolicy::kReject:
      return std::unexpected(Refused{.reason = selected.error()});
  }
  return choose_anew(choice);
}

const config::Sticky& Service::sticky() const noexcept {
  static const config::Sticky defaults;
  return settings_.sticky ? *settings_.sticky : defaults;
}

// A cookie that names a placement stays as it is while the placement lives: its user may still come for a
// seat.
bool Service::says_so(std::optional<std::string_view> cookie, const Binding& binding) const noexcept {
  if (!cookie) return false;
  const std::string& value = servers_[*binding.server].cookie_value;
  if (*cookie == value) return true;
  const bool names_placement = binding.reservation != nullptr && !binding.reservation->closed() &&
                               read_cookie(*cookie).placement == binding.reservation->id();
  return names_placement && cookie->starts_with(value);
}

Service::CookieNames Service::read_cookie(std::string_view value) const noexcept {
  if (const auto server = index_.find(value)) return {.server = server};
  if (admissions_ == nullptr) return {};
  const std::size_t mark = value.rfind(kPlacementMark);
  if (mark == std::string_view::npos || value.size() - mark - 1 != kPlacementDigits) return {};
  const std::string_view digits = value.substr(mark + 1);
  PlacementId placement = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), placement, 16);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return {};
  return {.server = index_.find(value.substr(0, mark)), .placement = placement};
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
      if (read_cookie(*value).server) return value;
      if (!first) first = value;
      if (++seen == kMostValues) return first;
      rest.remove_prefix(static_cast<std::size_t>(value->data() + value->size() - rest.data()));
    }
  }
  return first;
}

// Binds the user to the server that the placement is on now, if there is such a placement here.
bool Service::follow_placement(PlacementId placement, Binding& binding) const {
  if (placement == 0 || admissions_ == nullptr) return false;
  auto reservation = admissions_->reservations.find(placement);
  if (reservation == nullptr) return false;
  const auto server = find_server(*reservation->server());
  if (!server) return false;
  binding.server = server;
  binding.reservation = std::move(reservation);
  return true;
}

Service::Binding Service::find_binding(const Choice& choice, std::optional<std::string_view> cookie) const {
  Binding binding;
  if (choice.directed != nullptr) {
    binding.server = find_server(*choice.directed);
    if (binding.server) return binding;
  }
  if (follow_placement(choice.placement, binding)) return binding;
  if (choice.ticket != nullptr) {
    if (follow_placement(choice.ticket->placement, binding)) return binding;
    const auto named = by_ticket_server_.find(choice.ticket->server);
    if (named != by_ticket_server_.end()) {
      binding.server = named->second;
      return binding;
    }
  }
  for (const StickySource& source : sources_) {
    const auto value = source.kind == StickySourceKind::kCookie ? cookie : value_of(source, *choice.head);
    if (!value || value->empty()) continue;
    if (source.kind == StickySourceKind::kSid) {
      const std::shared_ptr<ServerState> state = sids_->find(*value, choice.now);
      if (state != nullptr) binding.server = find_server(*state);
    } else {
      const CookieNames named = read_cookie(*value);
      binding.server = named.server;
      if (follow_placement(named.placement, binding)) return binding;
    }
    if (binding.server) {
      binding.by_sid = source.kind == StickySourceKind::kSid;
      return binding;
    }
    binding.unknown = true;
  }
  return binding;
}

bool Service::is_usable(std::uint32_t index, base::TimePoint now) const noexcept {
  const Server& server = servers_[index];
  return server.state->admin() != AdminState::kClosing && server.state->health() != Health::kDown &&
         !server.state->is_ejected(now) && !server.addresses.empty();
}

std::expected<Selected, Refusal> Service::take_bound_seat(const Choice& choice,
                                                          const Binding& binding) const {
  const std::uint32_t index = *binding.server;
  const Server& server = servers_[index];
  ServerState& state = *server.state;
  if (!is_usable(index, choice.now) || std::ranges::find(tried_of(choice), index) != tried_of(choice).end()) {
    return std::unexpected(Refusal::kBoundDown);
  }
  const bool draining = server.fenced || state.admin() == AdminState::kDraining;
  if (draining && sticky().on_draining != LostPolicy::kMove) {
    return std::unexpected(Refusal::kBoundDraining);
  }
  Selected selected{.index = index, .counted = counted(*choice.head, choice.now)};
  // Who polls is present by the session.
  const bool is_in = counts_sessions() && !selected.counted.request && !choice.head->upgrade;
  if (binding.reservation != nullptr && !is_in) {
    selected.claim = Claim(admissions_->reservations, binding.reservation, selected.counted.request);
    if (selected.claim.has_seat()) return selected;
  }
  auto seat = Seat::take(state, choice.seat, server.capacity, selected.counted);
  if (!seat) return std::unexpected(Refusal::kBoundFull);
  selected.seat = std::move(*seat);
  return selected;
}

config::LostPolicy Service::policy_for(Refusal lost) const noexcept {
  switch (lost) {
    case Refusal::kBoundDown:
      return sticky().on_down;
    case Refusal::kBoundDraining:
      return sticky().on_draining;
    case Refusal::kBoundFull:
      return sticky().on_full;
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

std::string Service::placed_cookie_value(std::uint32_t index, PlacementId placement) const {
  return servers_[index].cookie_value + kPlacementMark + base::hex16(placement);
}

std::string Service::set_placed_cookie(std::uint32_t index, PlacementId placement) const {
  LIMPET_CHECK(!cookie_name_.empty());
  return sticky_set_cookie(*settings_.sticky->cookie, cookie_name_, placed_cookie_value(index, placement));
}

std::optional<std::uint32_t> Service::find_server(std::string_view value) const noexcept {
  const auto same_url = std::ranges::find(servers_, value, &Server::url);
  if (same_url != servers_.end()) return static_cast<std::uint32_t>(same_url - servers_.begin());
  const auto same_value = std::ranges::find(servers_, value, &Server::cookie_value);
  if (same_value != servers_.end()) return static_cast<std::uint32_t>(same_value - servers_.begin());
  return read_cookie(value).server;
}

std::optional<std::uint32_t> Service::find_server(const ServerState& state) const noexcept {
  const auto found = by_state_.find(&state);
  return found == by_state_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace limpet::balancing
