#include "relay/epoll_engine.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "relay/close_frame.h"

namespace limpet::relay {
namespace {

constexpr base::Duration kSweepInterval = std::chrono::seconds(1);
constexpr std::uintptr_t kServerBit = 2;  // bit 0 is the reactor's

std::uint32_t ceil_seconds(base::Duration duration) noexcept {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

}  // namespace

std::uintptr_t EpollEngine::token_of(const Record& tunnel, Side side) noexcept {
  return reinterpret_cast<std::uintptr_t>(&tunnel) | (side == kFromServer ? kServerBit : 0);
}

Record& EpollEngine::record_of(std::uintptr_t token) noexcept {
  return *reinterpret_cast<Record*>(token & ~kServerBit);
}

Side EpollEngine::side_of(std::uintptr_t token) noexcept {
  return (token & kServerBit) != 0 ? kFromServer : kFromClient;
}

EpollEngine::EpollEngine(net::Reactor& reactor, base::Duration half_open_timeout)
    : reactor_(reactor),
      half_open_seconds_(ceil_seconds(half_open_timeout)),
      start_(reactor.now()),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferSize)),
      sweep_timer_(&EpollEngine::sweep, this) {
  reactor_.set_token_sink(this);
  reactor_.set_turn_hook([this] { continue_queued(); });
}

EpollEngine::~EpollEngine() {
  end_all();
  reactor_.set_token_sink(nullptr);
  reactor_.set_turn_hook({});
}

void EpollEngine::end_all() noexcept {
  slab_.for_each([this](Record& tunnel) { end(tunnel, CloseReason::kOrdered); });
}

std::uint32_t EpollEngine::seconds() const noexcept {
  return static_cast<std::uint32_t>((reactor_.now() - start_) / std::chrono::seconds(1));
}

void EpollEngine::touch(Record& tunnel) noexcept {
  // Once told to close, a tunnel can't win time by talking.
  if (tunnel.timeout != 0 && tunnel.close_code == 0) tunnel.last_active = seconds();
}

void EpollEngine::set_timeout(Record& tunnel, std::uint32_t seconds_of_silence, CloseReason reason) noexcept {
  if (tunnel.timeout == 0) ++with_timeout_;
  tunnel.timeout = seconds_of_silence;
  tunnel.timeout_reason = reason;
  tunnel.last_active = seconds();
  if (!sweep_timer_.armed()) reactor_.arm(sweep_timer_, kSweepInterval);
}

void EpollEngine::limit_silence(Record& tunnel, std::uint32_t seconds_of_silence,
                                CloseReason reason) noexcept {
  if (tunnel.timeout == 0 || tunnel.timeout > seconds_of_silence)
    set_timeout(tunnel, seconds_of_silence, reason);
}

void EpollEngine::adopt(Tunnel tunnel) {
  carry(std::move(tunnel));
}

Record* EpollEngine::carry(Tunnel tunnel) {
  Record& record = slab_.take();
  record.owner = std::move(tunnel.owner);
  record.traffic = tunnel.traffic;
  record.websocket = tunnel.websocket;
  record.fds = {tunnel.client.release(), tunnel.server.release()};
  reactor_.redirect(record.fds[kFromClient], token_of(record, kFromClient));
  reactor_.redirect(record.fds[kFromServer], token_of(record, kFromServer));
  telemetry::TrafficCounters::add(record.traffic->tunnels, 1);
  if (tunnel.idle_timeout.count() > 0)
    limit_silence(record, ceil_seconds(tunnel.idle_timeout), CloseReason::kIdle);

  const std::string_view to_client = tunnel.early_to_client;
  const std::string_view head = to_client.substr(0, tunnel.uncounted_to_client);
  if (!head.empty() && !send_on(record, kFromServer, head)) return nullptr;
  const std::string_view early = to_client.substr(head.size());
  if (!early.empty() && !forward(record, kFromServer, early)) return nullptr;
  if (!tunnel.early_to_server.empty() && !forward(record, kFromClient, tunnel.early_to_server))
    return nullptr;
  // Bytes that came before the hand-over have had their event already.
  if (tunnel.client_may_have_input && !pump(record, kFromClient, true)) return nullptr;
  if (tunnel.server_may_have_input && !pump(record, kFromServer, true)) return nullptr;
  return &record;
}

void EpollEngine::on_token(std::uintptr_t token, std::uint32_t events) noexcept {
  handle_events(record_of(token), side_of(token), events);
}

bool EpollEngine::handle_events(Record& tunnel, Side side, std::uint32_t events) noexcept {
  touch(tunnel);
  constexpr std::uint32_t kHangUp = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && tunnel.flows[other(side)].pending != nullptr) {
    if (!flush(tunnel, other(side))) return false;
  }
  if ((events & EPOLLERR) != 0 && tunnel.flows[side].shut) {
    // It had closed, all it said has been passed on, and now it does not even listen any more.
    return broken(tunnel, side);
  }
  return (events & (EPOLLIN | kHangUp)) == 0 || pump(tunnel, side, (events & kHangUp) != 0);
}

bool EpollEngine::pump(Record& tunnel, Side from, bool hang_up) noexcept {
  Flow& flow = tunnel.flows[from];
  std::size_t moved = 0;
  while (!flow.ended && flow.pending == nullptr && !flow.queued) {
    const ssize_t count = ::recv(tunnel.fds[from], buffer_.get(), kBufferSize, 0);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return true;
      return broken(tunnel, from);
    }
    if (count == 0) return sender_closed(tunnel, from);
    const auto size = static_cast<std::size_t>(count);
    if (!forward(tunnel, from, std::span<const char>(buffer_.get(), size))) return false;
    // A short read has drained the socket; the end of the stream would bring an event of its own.
    if (size < kBufferSize && !hang_up) return true;
    moved += size;
    if (moved >= kShare && flow.pending == nullptr) {
      flow.queued = true;
      queued_.push_back({&tunnel, from});
      reactor_.stay_awake();
      return true;
    }
  }
  return true;
}

void EpollEngine::count(Record& tunnel, Side from, std::span<const char> bytes) noexcept {
  using telemetry::TrafficCounters;
  Flow& flow = tunnel.flows[from];
  TrafficCounters& traffic = *tunnel.traffic;
  const std::uint32_t messages = tunnel.websocket ? flow.scanner.scan(bytes) : 0;
  flow.bytes += bytes.size();
  flow.messages += messages;
  if (from == kFromClient) {
    TrafficCounters::add(traffic.bytes_to_server, bytes.size());
    TrafficCounters::add(traffic.messages_to_server, messages);
  } else {
    TrafficCounters::add(traffic.bytes_to_client, bytes.size());
    TrafficCounters::add(traffic.messages_to_client, messages);
  }
}

bool EpollEngine::forward(Record& tunnel, Side from, std::span<const char> bytes) noexcept {
  Flow& flow = tunnel.flows[from];
  if (flow.closed) return true;
  if (!flow.close_wanted) {
    count(tunnel, from, bytes);
    return send_on(tunnel, from, bytes);
  }
  const auto rest = bytes.first(flow.scanner.bytes_to_boundary(bytes));
  count(tunnel, from, rest);
  if (!send_on(tunnel, from, rest)) return false;
  return !flow.scanner.at_boundary() || send_close_frame(tunnel, from);
}

bool EpollEngine::send_on(Record& tunnel, Side from, std::span<const char> bytes) noexcept {
  Flow& flow = tunnel.flows[from];
  if (flow.pending == nullptr) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(tunnel.fds[other(from)], bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) break;
        return broken(tunnel, other(from));
      }
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    if (bytes.empty()) return true;
    flow.pending = std::make_unique<Pending>();
  }
  flow.pending->bytes.insert(flow.pending->bytes.end(), bytes.begin(), bytes.end());
  return true;
}

bool EpollEngine::flush(Record& tunnel, Side from) noexcept {
  Flow& flow = tunnel.flows[from];
  Pending& pending = *flow.pending;
  while (pending.sent < pending.bytes.size()) {
    const ssize_t count = ::send(tunnel.fds[other(from)], pending.bytes.data() + pending.sent,
                                 pending.bytes.size() - pending.sent, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return true;
      return broken(tunnel, other(from));
    }
    pending.sent += static_cast<std::size_t>(count);
  }
  flow.pending.reset();
  if (flow.ended) return finish_flow(tunnel, from);
  // The sender was not read meanwhile; its events have passed.
  return pump(tunnel, from, true);
}

// The connection on this side is of no more use. If it was closed in good order before, that is what counts.
bool EpollEngine::broken(Record& tunnel, Side side) noexcept {
  const bool known = tunnel.close_code != 0 || tunnel.flows[side].ended;
  const CloseReason reset = side == kFromClient ? CloseReason::kClientReset : CloseReason::kServerReset;
  end(tunnel, known ? tunnel.reason : reset);
  return false;
}

bool EpollEngine::sender_closed(Record& tunnel, Side from) noexcept {
  Flow& flow = tunnel.flows[from];
  flow.ended = true;
  if (!tunnel.flows[other(from)].ended && tunnel.close_code == 0) {
    tunnel.reason = from == kFromClient ? CloseReason::kClient : CloseReason::kServer;
  }
  return flow.pending != nullptr || finish_flow(tunnel, from);
}

bool EpollEngine::finish_flow(Record& tunnel, Side from) noexcept {
  Flow& flow = tunnel.flows[from];
  flow.shut = true;
  // After both have said goodbye by frames there is nothing left to wait for.
  const Flow& answer = tunnel.flows[other(from)];
  const bool over = flow.scanner.saw_close() && answer.scanner.saw_close() && answer.pending == nullptr;
  if (over || answer.shut) {
    end(tunnel, tunnel.reason);
    return false;
  }
  ::shutdown(tunnel.fds[other(from)], SHUT_WR);
  limit_silence(tunnel, half_open_seconds_, CloseReason::kHalfOpen);
  return true;
}

bool EpollEngine::send_close_frame(Record& tunnel, Side from) noexcept {
  Flow& flow = tunnel.flows[from];
  flow.close_wanted = false;
  flow.closed = true;
  const std::string frame = close_frame(tunnel.close_code, close_reason_, from == kFromClient);
  return send_on(tunnel, from, frame);
}

void EpollEngine::begin_close(Record& tunnel, std::uint16_t code, std::uint32_t patience_seconds) noexcept {
  if (tunnel.close_code != 0) return;
  if (!tunnel.websocket) {
    end(tunnel, CloseReason::kOrdered);
    return;
  }
  if (!take_back(tunnel)) return;
  tunnel.close_code = code;
  tunnel.reason = CloseReason::kOrdered;
  set_timeout(tunnel, std::max(patience_seconds, 1U), CloseReason::kOrdered);
  for (const Side from : {kFromServer, kFromClient}) {
    Flow& flow = tunnel.flows[from];
    if (flow.ended) continue;
    flow.close_wanted = true;
    if (flow.scanner.at_boundary() && !send_close_frame(tunnel, from)) return;
  }
}

std::size_t EpollEngine::close_some(std::size_t most, const std::function<bool(const TunnelOwner&)>& wanted,
                                    std::uint16_t code, std::string_view reason, base::Duration patience) {
  close_reason_ = reason;
  std::size_t begun = 0;
  const std::size_t size = slab_.size();
  for (std::size_t step = 0; step < size && begun < most; ++step) {
    next_closed_ = next_closed_ + 1 < size ? next_closed_ + 1 : 0;
    Record& tunnel = slab_.at(next_closed_);
    if (!tunnel.used || tunnel.close_code != 0 || (wanted && !wanted(*tunnel.owner))) continue;
    begin_close(tunnel, code, ceil_seconds(patience));
    ++begun;
  }
  return begun;
}

std::size_t EpollEngine::count_open(const std::function<bool(const TunnelOwner&)>& wanted) const noexcept {
  std::size_t found = 0;
  for (std::size_t i = 0; i < slab_.size(); ++i) {
    const Record& tunnel = slab_.at(i);
    if (tunnel.used && tunnel.close_code == 0 && (!wanted || wanted(*tunnel.owner))) ++found;
  }
  return found;
}

void EpollEngine::end(Record& tunnel, CloseReason reason) noexcept {
  if (tunnel.operations > 0) call_off(tunnel);
  for (const Side side : {kFromClient, kFromServer}) {
    reactor_.forget(tunnel.fds[side]);
    ::close(tunnel.fds[side]);
    if (tunnel.flows[side].queued) {
      std::erase_if(queued_, [&](const Queued& item) { return item.tunnel == &tunnel; });
    }
  }
  if (tunnel.timeout != 0) --with_timeout_;
  const TunnelSummary summary{.reason = reason,
                              .bytes_to_server = tunnel.flows[kFromClient].bytes,
                              .bytes_to_client = tunnel.flows[kFromServer].bytes,
                              .messages_to_server = tunnel.flows[kFromClient].messages,
                              .messages_to_client = tunnel.flows[kFromServer].messages};
  const std::unique_ptr<TunnelOwner> owner = std::move(tunnel.owner);
  if (tunnel.operations > 0) {
    slab_.retire(tunnel);
  } else {
    slab_.give_back(tunnel);
  }
  owner->closed(summary);
}

void EpollEngine::continue_queued() noexcept {
  if (queued_.empty()) return;
  std::vector<Queued> turn;
  turn.swap(queued_);
  for (const Queued& item : turn) item.tunnel->flows[item.from].queued = false;
  while (!turn.empty()) {
    const Queued item = turn.back();
    turn.pop_back();
    if (pump(*item.tunnel, item.from, true)) continue;
    // Its other direction may wait in this list too.
    std::erase_if(turn, [&](const Queued& left) { return left.tunnel == item.tunnel; });
  }
}

void EpollEngine::sweep(void* self) noexcept {
  auto* engine = static_cast<EpollEngine*>(self);
  const std::uint32_t now = engine->seconds();
  engine->slab_.for_each([&](Record& tunnel) {
    if (tunnel.timeout != 0 && now - tunnel.last_active > tunnel.timeout)
      engine->end(tunnel, tunnel.timeout_reason);
  });
  if (engine->with_timeout_ > 0) engine->reactor_.arm(engine->sweep_timer_, kSweepInterval);
}

}  // namespace limpet::relay
