#include "placement/ledger.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <tuple>

#include "base/log.h"
#include "placement/policy.h"

namespace limpet::placement {
namespace {

// How long a key keeps its server after its last user went: for users who come back, and after a restart.
constexpr std::uint64_t kLingerMs = 60'000;
constexpr std::uint64_t kTicketSweepMs = 300'000;

std::uint64_t milliseconds(base::Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

bool takes_new_keys(const balancing::Service& service, std::uint32_t index, base::TimePoint now) {
  const balancing::Server& server = service.servers()[index];
  return service.is_usable(index, now) && server.weight != 0 && !server.fenced &&
         server.state->admin() == balancing::AdminState::kReady;
}

std::vector<Candidate> candidates_of(const balancing::Service& service, base::TimePoint now) {
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < service.servers().size(); ++i) {
    const balancing::Server& server = service.servers()[i];
    candidates.push_back({.in_use = server.state->seats_in_use(),
                          .capacity = server.capacity,
                          .hash = server.hrw_seed,
                          .takes_new_keys = takes_new_keys(service, i, now)});
  }
  return candidates;
}

/// Seats that a wish adds to those a key has.
std::uint32_t missing_seats(const Wish& wish, std::uint32_t reserved) {
  return wish.more ? wish.seats : wish.seats - std::min(wish.seats, reserved);
}

/// Seats that the server of a key needs that has to leave its own.
std::uint32_t seats_to_move(const Wish& wish, std::uint32_t reserved) {
  return std::min(kMaxSeats, reserved + missing_seats(wish, reserved));
}

}  // namespace

std::uint64_t random_id() {
  thread_local std::random_device random;
  std::uint64_t id = 0;
  while (id == 0) id = (std::uint64_t{random()} << 32U) | random();
  return id;
}

Ledger::Ledger(balancing::Admissions& admissions, std::unique_ptr<Journal> journal, FindService find_service,
               std::uint64_t now_ms)
    : admissions_(admissions), journal_(std::move(journal)), find_service_(std::move(find_service)) {
  if (journal_ == nullptr) return;
  std::vector<balancing::SpentTicket> tickets = journal_->take_tickets();
  std::erase_if(tickets,
                [now_ms](const balancing::SpentTicket& ticket) { return ticket.expires_ms <= now_ms; });
  admissions_.spent.restore(tickets);
  admissions_.keep_spent = [journal = journal_.get()](const balancing::SpentTicket& ticket, Done done) {
    journal->submit({ticket}, std::move(done));
  };
  for (Row& row : journal_->take_rows()) {
    Entry entry;
    entry.lapsed = row.expires_ms <= now_ms;
    // Its users were cut off with the last process, and come back now.
    entry.keep_until_ms = row.held < row.seats ? now_ms + kLingerMs : row.expires_ms;
    Name name(row.service, row.key);
    entry.row = std::move(row);
    const auto at = entries_.emplace(std::move(name), std::move(entry)).first;
    by_id_.emplace(at->second.row.id, at);
    ++without_server_;
  }
  if (!entries_.empty()) base::log_info("{} placements are known from the last run", entries_.size());
  sweep(now_ms);
}

Ledger::~Ledger() {
  admissions_.keep_spent = nullptr;
  for (const auto& [name, entry] : entries_) admissions_.reservations.erase(entry.row.id);
}

void Ledger::services_changed() {
  if (without_server_ == 0) return;
  for (auto& [name, entry] : entries_) {
    if (entry.reservation != nullptr) continue;
    const balancing::Service* service = find_service_(entry.row.service);
    if (service == nullptr) continue;
    const auto& servers = service->servers();
    const auto server = std::ranges::find(servers, entry.row.url, &balancing::Server::url);
    if (server == servers.end()) continue;
    reserve_again(entry, *service, static_cast<std::uint32_t>(server - servers.begin()));
    --without_server_;
  }
}

void Ledger::reserve_again(Entry& entry, const balancing::Service& service, std::uint32_t server) {
  const auto& [state, capacity] =
      std::tie(service.servers()[server].state, service.servers()[server].capacity);
  std::uint32_t seats = entry.lapsed ? 0 : entry.row.held;
  const std::uint32_t wanted = seats;
  // All of them fit, unless the configuration gives the server fewer seats than before.
  while (seats > 0 && !state->try_reserve(seats, capacity)) --seats;
  if (seats < wanted) {
    base::log_warn("placement {} of {}: only {} of its {} seats are there on {}", entry.row.key,
                   entry.row.service, seats, wanted, entry.row.url);
  }
  entry.reservation = std::make_shared<balancing::Reservation>(entry.row.id, state, seats);
  admissions_.reservations.set(entry.reservation);
}

std::expected<std::vector<Placed>, PlaceFailure> Ledger::place(std::span<const Wish> wishes, Now now) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    auto step = plan(wishes[i], now);
    if (!step) {
      for (const Step& undone : steps) {
        undone.service->servers()[undone.server].state->release_reserved(undone.seats);
      }
      return std::unexpected(PlaceFailure{.error = step.error(), .wish = i});
    }
    steps.push_back(*step);
  }
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < wishes.size(); ++i) placed.push_back(apply(wishes[i], steps[i], now));
  // Whoever had the seats before is stored as gone not later than whoever has them now.
  note_arrivals();
  for (const Placed& each : placed) uncommitted_.emplace_back(each.row);
  return placed;
}

std::optional<std::uint32_t> Ledger::usable_server(const balancing::Service& service, const Entry& entry,
                                                   Now now) const {
  const auto server = std::ranges::find(service.servers(), entry.row.url, &balancing::Server::url);
  if (server == service.servers().end() || entry.reservation == nullptr) return std::nullopt;
  const auto index = static_cast<std::uint32_t>(server - service.servers().begin());
  return service.is_usable(index, now.steady) ? std::optional(index) : std::nullopt;
}

// Reserves the seats that a wish needs.
std::expected<Ledger::Step, PlaceError> Ledger::plan(const Wish& wish, Now now) {
  Step step{.entry = entries_.find(Name(wish.service, wish.key)), .service = find_service_(wish.service)};
  if (step.service == nullptr) return std::unexpected(PlaceError::kUnknownService);
  if (step.entry == entries_.end()) {
    if (entries_.size() >= kMaxPlacements) return std::unexpected(PlaceError::kTooMany);
    step.seats = wish.seats;
    return plan_new(wish, step, now);
  }
  const Entry& entry = step.entry->second;
  const std::uint32_t reserved = entry.lapsed ? 0 : entry.row.seats;
  const std::uint32_t missing = missing_seats(wish, reserved);
  const auto server = usable_server(*step.service, entry, now);
  if (!server || (!wish.url.empty() && wish.url != entry.row.url)) {
    step.seats = seats_to_move(wish, reserved);
    return plan_new(wish, step, now);
  }
  const balancing::Server& stays = step.service->servers()[*server];
  if (!stays.state->try_reserve(missing, stays.capacity)) return std::unexpected(PlaceError::kRoomFull);
  step.server = *server;
  step.seats = missing;
  step.stays = true;
  return step;
}

std::expected<Ledger::Step, PlaceError> Ledger::plan_new(const Wish& wish, Step step, Now now) const {
  const auto& servers = step.service->servers();
  if (!wish.url.empty()) {
    const auto named = std::ranges::find(servers, wish.url, &balancing::Server::url);
    step.server = static_cast<std::uint32_t>(named - servers.begin());
    if (named == servers.end() || !step.service->is_usable(step.server, now.steady)) {
      return std::unexpected(PlaceError::kUnknownServer);
    }
    if (!named->state->try_reserve(step.seats, named->capacity))
      return std::unexpected(PlaceError::kRoomFull);
    return step;
  }
  std::vector<Candidate> candidates = candidates_of(*step.service, now.steady);
  const auto advised = std::ranges::find(servers, wish.advice, &balancing::Server::url);
  if (advised != servers.end()) {
    step.server = static_cast<std::uint32_t>(advised - servers.begin());
    const bool takes = candidates[step.server].takes_new_keys;
    if (takes && advised->state->try_reserve(step.seats, advised->capacity)) return step;
  }
  bool lost_race = false;
  while (true) {
    const auto chosen = choose_server(step.service->settings().placement, wish.key, step.seats, candidates);
    if (!chosen) {
      const bool full = lost_race || chosen.error() == NoPlace::kAllFull;
      return std::unexpected(full ? PlaceError::kAllFull : PlaceError::kNoServer);
    }
    step.server = static_cast<std::uint32_t>(*chosen);
    const balancing::Server& server = servers[step.server];
    if (server.state->try_reserve(step.seats, server.capacity)) return step;
    // Users were faster to its seats.
    candidates[*chosen].takes_new_keys = false;
    lost_race = true;
  }
}

std::optional<Undecided> Ledger::undecided(const Wish& wish, Now now) const {
  Undecided open{.service = find_service_(wish.service), .seats = wish.seats};
  if (!wish.url.empty() || open.service == nullptr) return std::nullopt;
  const config::Placement& settings = open.service->settings().placement;
  if (settings.policy != config::PlacementPolicy::kWebhook || !settings.webhook) return std::nullopt;
  if (const auto found = entries_.find(Name(wish.service, wish.key)); found != entries_.end()) {
    const Entry& entry = found->second;
    if (usable_server(*open.service, entry, now)) return std::nullopt;
    open.seats = seats_to_move(wish, entry.lapsed ? 0 : entry.row.seats);
    open.moves_from = entry.row.url;
  }
  const std::vector<Candidate> candidates = candidates_of(*open.service, now.steady);
  for (std::uint32_t i = 0; i < candidates.size(); ++i) {
    if (has_seats(candidates[i], open.seats)) open.candidates.push_back(i);
  }
  return open.candidates.empty() ? std::nullopt : std::optional(std::move(open));
}

Placed Ledger::apply(const Wish& wish, const Step& step, Now now) {
  Placed result;
  const balancing::Server& server = step.service->servers()[step.server];
  const base::Duration ttl = wish.ttl.count() > 0 ? wish.ttl : step.service->settings().placement.ttl;
  const std::uint64_t expires_ms = now.unix_ms + milliseconds(ttl);
  auto at = step.entry;
  result.created = at == entries_.end();
  if (result.created) {
    at = entries_.emplace(Name(wish.service, wish.key), Entry{}).first;
    at->second.row = {.id = random_id(),
                      .service = wish.service,
                      .key = wish.key,
                      .url = server.url,
                      .moved_from = {},
                      .created_ms = now.unix_ms};
    by_id_.emplace(at->second.row.id, at);
  }
  Entry& entry = at->second;
  Row& row = entry.row;
  if (step.stays) {
    row.seats = (entry.lapsed ? 0 : row.seats) + step.seats;
    static_cast<void>(entry.reservation->add(step.seats));  // only this thread closes it
  } else {
    result.moved = !result.created;
    if (result.moved) row.moved_from = row.url;
    if (entry.reservation != nullptr) entry.reservation->close();
    if (result.moved && entry.reservation == nullptr) --without_server_;
    row.url = server.url;
    row.seats = step.seats;
    entry.reservation = std::make_shared<balancing::Reservation>(row.id, server.state, step.seats);
    admissions_.reservations.set(entry.reservation);
  }
  row.expires_ms = std::max(row.expires_ms, expires_ms);
  entry.lapsed = false;
  row.held = entry.reservation->held();
  if (result.moved) {
    base::log_info("placement {} of {}: moved from {} to {}", row.key, row.service, row.moved_from, row.url);
  }
  result.row = row;
  result.present = entry.reservation->present();
  return result;
}

std::optional<Placed> Ledger::find(std::string_view service, std::string_view key) const {
  const auto found = entries_.find(Name(service, key));
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  Placed placed{.row = entry.row};
  if (entry.reservation == nullptr) return placed;
  placed.row.held = entry.reservation->held();
  placed.present = entry.reservation->present();
  return placed;
}

std::vector<Placed> Ledger::list(std::string_view service) const {
  std::vector<Placed> found;
  auto at = service.empty() ? entries_.begin() : entries_.lower_bound(Name(service, ""));
  for (; at != entries_.end() && (service.empty() || at->first.first == service); ++at) {
    found.push_back(*find(at->first.first, at->first.second));
  }
  return found;
}

bool Ledger::remove(std::string_view service, std::string_view key) {
  const auto found = entries_.find(Name(service, key));
  if (found == entries_.end()) return false;
  uncommitted_.emplace_back(Removal{.id = found->second.row.id});
  erase(found);
  return true;
}

void Ledger::sweep(std::uint64_t now_ms) {
  note_arrivals();
  for (auto at = entries_.begin(); at != entries_.end();) {
    Entry& entry = at->second;
    if (entry.reservation != nullptr && entry.reservation->present() > 0) {
      entry.keep_until_ms = now_ms + kLingerMs;
    }
    if (now_ms < entry.row.expires_ms) {
      ++at;
      continue;
    }
    if (now_ms >= entry.keep_until_ms) {
      uncommitted_.emplace_back(Removal{.id = entry.row.id});
      at = erase(at);
      continue;
    }
    // Again at every turn, for seats that requests had borrowed.
    if (entry.reservation != nullptr) entry.reservation->release_free();
    if (!std::exchange(entry.lapsed, true))
      uncommitted_.emplace_back(HeldSeats{.id = entry.row.id, .held = 0});
    ++at;
  }
  if (journal_ != nullptr && now_ms >= tickets_swept_ms_ + kTicketSweepMs) {
    tickets_swept_ms_ = now_ms;
    uncommitted_.emplace_back(ExpiredTickets{.until_ms = now_ms});
  }
  if (!uncommitted_.empty()) commit([](bool /*stored*/) {});
}

void Ledger::note_arrivals() {
  for (const balancing::PlacementId id : admissions_.reservations.take_arrivals()) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) continue;
    const Entry& entry = found->second->second;
    if (entry.reservation == nullptr) continue;
    uncommitted_.emplace_back(HeldSeats{.id = id, .held = entry.reservation->held()});
  }
}

void Ledger::commit(Done done) {
  std::vector<Change> changes = std::exchange(uncommitted_, {});
  if (journal_ == nullptr) {
    done(true);
  } else {
    journal_->submit(std::move(changes), std::move(done));
  }
}

Ledger::Entries::iterator Ledger::erase(Entries::iterator at) {
  const Entry& entry = at->second;
  if (entry.reservation != nullptr) {
    entry.reservation->close();
  } else {
    --without_server_;
  }
  admissions_.reservations.erase(entry.row.id);
  by_id_.erase(entry.row.id);
  return entries_.erase(at);
}

}  // namespace limpet::placement
