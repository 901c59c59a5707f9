#include "relay/uring_engine.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace limpet::relay {
namespace {

// Tags of completions that are not a tunnel's; a tunnel's is its record's address, which is not small.
constexpr std::uint64_t kIgnoredTag = 0;
constexpr std::uint64_t kEpollTag = 1;

// The rest of a tunnel's tag: low bits that addresses leave free, and a buffer's number above the address.
constexpr std::uint64_t kServerBit = 1;
constexpr std::uint64_t kSendBit = 2;
constexpr unsigned kBufferShift = 48;
constexpr std::uint64_t kAddressMask = ((std::uint64_t{1} << kBufferShift) - 1) & ~std::uint64_t{7};

constexpr std::size_t kSmallRead = Ring::kBufferSize / 2;
constexpr std::uint8_t kMostSmallReads = 255;
// So many messages are worth a turn before the delay has passed.
constexpr unsigned kBatch = 16;

std::uint32_t delay_us(const BatchPace& pace) noexcept {
  return static_cast<std::uint32_t>(pace.delay() / std::chrono::microseconds(1));
}

bool is_of_tunnel(const io_uring_cqe& completion) noexcept {
  return completion.user_data > kEpollTag;
}
bool is_send(const io_uring_cqe& completion) noexcept {
  return is_of_tunnel(completion) && (completion.user_data & kSendBit) != 0;
}
Record& tunnel_of(const io_uring_cqe& completion) noexcept {
  return *reinterpret_cast<Record*>(completion.user_data & kAddressMask);
}
Side sender_of(const io_uring_cqe& completion) noexcept {
  return (completion.user_data & kServerBit) != 0 ? kFromServer : kFromClient;
}

// A standing receive on another kind of socket does not see an end that comes together with bytes.
bool is_tcp(int fd) noexcept {
  int protocol = 0;
  socklen_t size = sizeof protocol;
  return ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 && protocol == IPPROTO_TCP;
}

std::uint64_t tag_of(const Record& tunnel, Side side) noexcept {
  return reinterpret_cast<std::uintptr_t>(&tunnel) | (side == kFromServer ? kServerBit : 0);
}

}  // namespace

UringEngine::UringEngine(net::Reactor& reactor, base::Duration half_open_timeout, std::uint8_t small_reads,
                         base::Duration batch_delay)
    : EpollEngine(reactor, half_open_timeout),
      small_reads_(small_reads),
      pace_(ring_.can_gather() ? std::chrono::floor<std::chrono::microseconds>(batch_delay)
                               : base::Duration(0)) {
  reactor.set_waiter(this);
}

UringEngine::~UringEngine() {
  reactor().set_waiter(nullptr);
  at_end_ = true;
  end_all();
}

void UringEngine::adopt(Tunnel tunnel) {
  Record* const record = carry(std::move(tunnel));
  if (record != nullptr && small_reads_ == 0 && fits_ring(*record)) enter_ring(*record);
}

void UringEngine::on_token(std::uintptr_t token, std::uint32_t events) noexcept {
  Record& tunnel = record_of(token);
  const Flow& flow = tunnel.flows[side_of(token)];
  const std::uint64_t before = flow.bytes;
  if (!handle_events(tunnel, side_of(token), events)) return;
  const std::uint64_t moved = flow.bytes - before;
  if (moved == 0) return;
  if (moved > kSmallRead) {
    tunnel.small_reads = 0;
    return;
  }
  if (tunnel.small_reads < kMostSmallReads) ++tunnel.small_reads;
  if (tunnel.small_reads >= small_reads_ && fits_ring(tunnel)) enter_ring(tunnel);
}

bool UringEngine::fits_ring(const Record& tunnel) noexcept {
  return tunnel.lane == Lane::kEpoll && tunnel.close_code == 0 &&
         std::ranges::none_of(tunnel.flows, [](const Flow& flow) {
           return flow.ended || flow.queued || flow.pending != nullptr;
         });
}

void UringEngine::enter_ring(Record& tunnel) noexcept {
  if (!std::ranges::all_of(tunnel.fds, is_tcp)) {
    tunnel.lane = Lane::kEpollOnly;
    return;
  }
  tunnel.lane = Lane::kRing;
  for (const Side side : {kFromClient, kFromServer}) {
    reactor().remove(tunnel.fds[side]);
    receive(tunnel, side);
  }
}

void UringEngine::receive(Record& tunnel, Side from) noexcept {
  io_uring_sqe& entry = ring_.entry();
  io_uring_prep_recv_multishot(&entry, tunnel.fds[from], nullptr, 0, 0);
  entry.flags |= IOSQE_BUFFER_SELECT;
  entry.ioprio |= IORING_RECVSEND_POLL_FIRST;
  entry.buf_group = Ring::kBufferGroup;
  entry.user_data = tag_of(tunnel, from);
  tunnel.flows[from].receiving = true;
  ++tunnel.operations;
  ++receives_;
}

void UringEngine::cancel_receives(Record& tunnel) noexcept {
  for (const Side from : {kFromClient, kFromServer}) {
    if (!tunnel.flows[from].receiving) continue;
    io_uring_sqe& entry = ring_.entry();
    io_uring_prep_cancel64(&entry, tag_of(tunnel, from), 0);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry.user_data = kIgnoredTag;
  }
}

bool UringEngine::wait(int timeout_ms) noexcept {
  if (receives_ == 0) return false;
  queue_sends();
  if (!epoll_watched_) {
    io_uring_sqe& entry = ring_.entry();
    io_uring_prep_poll_add(&entry, reactor().epoll_fd(), POLLIN);
    entry.user_data = kEpollTag;
    epoll_watched_ = true;
  }
  if (pace_.gathers() && timeout_ms != 0) {
    ring_.submit_and_gather(timeout_ms, kBatch, delay_us(pace_));
  } else {
    ring_.submit_and_wait(timeout_ms);
  }
  return true;
}

void UringEngine::queue_sends() noexcept {
  // A send is over when the submission returns, and says nothing if it took all: nobody waits for it.
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;
  for (const Outgoing& item : outgoing_) {
    const std::uint16_t outgoing = item.tunnel->flows[item.from].outgoing;
    if (outgoing == 0) continue;
    const std::span<const char> bytes = contents(static_cast<std::uint16_t>(outgoing - 1));
    io_uring_sqe& entry = ring_.entry();
    io_uring_prep_send(&entry, item.tunnel->fds[other(item.from)], bytes.data(), bytes.size(), kFlags);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry.user_data = tag_of(*item.tunnel, item.from) | kSendBit |
                      (static_cast<std::uint64_t>(outgoing - 1) << kBufferShift);
  }
}

bool UringEngine::handle() noexcept {
  // What a receiver has not taken goes before what has come since.
  ring_.for_each_completion([this](const io_uring_cqe& completion) {
    if (is_send(completion)) note_failed_send(completion);
  });
  finish_sends();
  bool epoll_ready = false;
  unsigned count = 0;
  ring_.for_each_completion([&](const io_uring_cqe& completion) {
    ++count;
    if (completion.user_data == kEpollTag) {
      epoll_watched_ = false;
      epoll_ready = true;
    } else if (is_of_tunnel(completion) && !is_send(completion)) {
      received(tunnel_of(completion), sender_of(completion), completion);
    }
  });
  ring_.forget_completions(count);
  pace_.took(count, reactor().now());
  return epoll_ready;
}

std::span<const char> UringEngine::contents(std::uint16_t buffer) noexcept {
  return {ring_.buffer(buffer), filled_[buffer]};
}

void UringEngine::note_failed_send(const io_uring_cqe& completion) noexcept {
  Record& tunnel = tunnel_of(completion);
  const Side from = sender_of(completion);
  Flow& flow = tunnel.flows[from];
  const auto buffer = static_cast<std::uint16_t>(completion.user_data >> kBufferShift);
  const auto rest = contents(buffer).subspan(static_cast<std::size_t>(std::max(completion.res, 0)));
  const bool full = completion.res >= 0 || completion.res == -EAGAIN || completion.res == -EINTR;
  flow.outgoing = 0;
  if (full && !rest.empty()) {
    flow.pending = std::make_unique<Pending>();
    flow.pending->bytes.assign(rest.begin(), rest.end());
  }
  ring_.give_back(buffer);
  failed_.push_back({.tunnel = &tunnel, .from = from, .broken = !full});
}

void UringEngine::finish_sends() noexcept {
  for (const Outgoing& item : outgoing_) {
    const std::uint16_t outgoing = std::exchange(item.tunnel->flows[item.from].outgoing, std::uint16_t{0});
    if (outgoing != 0) ring_.give_back(static_cast<std::uint16_t>(outgoing - 1));
  }
  outgoing_.clear();
  for (const Failed& item : failed_) {
    if (!item.tunnel->used) continue;
    if (item.broken) {
      broken(*item.tunnel, other(item.from));
    } else {
      take_back(*item.tunnel);
    }
  }
  failed_.clear();
}

void UringEngine::received(Record& tunnel, Side from, const io_uring_cqe& completion) noexcept {
  const bool has_buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
  const auto buffer = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  if ((completion.flags & IORING_CQE_F_MORE) == 0) {
    tunnel.flows[from].receiving = false;
    --tunnel.operations;
    --receives_;
  }
  if (!tunnel.used) {
    if (has_buffer) ring_.give_back(buffer);
    if (tunnel.operations == 0) slab().recycle(tunnel);
    return;
  }
  touch(tunnel);
  if (completion.res > 0) {
    if (!take_bytes(tunnel, from, buffer, static_cast<std::size_t>(completion.res))) return;
  } else if (!receive_stopped(tunnel, from, completion.res)) {
    return;
  }
  if (tunnel.lane == Lane::kRing && !tunnel.flows[from].receiving) receive(tunnel, from);
  if (tunnel.lane == Lane::kLeaving && tunnel.operations == 0) watch_by_epoll(tunnel);
}

bool UringEngine::receive_stopped(Record& tunnel, Side from, int result) noexcept {
  switch (-result) {
    case 0:
      return take_back(tunnel) && sender_closed(tunnel, from);
    case ENOBUFS:  // sends under way give theirs back in this turn
    case ECANCELED:
    case EAGAIN:
    case EINTR:
      return true;
    default:
      return take_back(tunnel) && broken(tunnel, from);
  }
}

bool UringEngine::take_bytes(Record& tunnel, Side from, std::uint16_t buffer, std::size_t size) noexcept {
  Flow& flow = tunnel.flows[from];
  const std::span<const char> bytes(ring_.buffer(buffer), size);
  if (tunnel.lane != Lane::kRing) {
    const bool alive = forward(tunnel, from, bytes);
    ring_.give_back(buffer);
    return alive;
  }
  count(tunnel, from, bytes);
  if (flow.outgoing == 0) {
    flow.outgoing = static_cast<std::uint16_t>(buffer + 1);
    filled_[buffer] = static_cast<std::uint16_t>(size);
    outgoing_.push_back({.tunnel = &tunnel, .from = from});
    // A full buffer is a part of something large, and epoll's buffer is larger.
    return size < Ring::kBufferSize || take_back(tunnel);
  }
  const auto first = static_cast<std::uint16_t>(flow.outgoing - 1);
  bool alive = true;
  if (filled_[first] + size <= Ring::kBufferSize) {
    std::memcpy(ring_.buffer(first) + filled_[first], bytes.data(), size);
    filled_[first] = static_cast<std::uint16_t>(filled_[first] + size);
  } else {
    alive = take_back(tunnel) && send_on(tunnel, from, bytes);
  }
  ring_.give_back(buffer);
  return alive;
}

bool UringEngine::take_back(Record& tunnel) noexcept {
  if (tunnel.lane != Lane::kRing) return true;
  tunnel.lane = Lane::kLeaving;
  tunnel.small_reads = 0;
  cancel_receives(tunnel);
  for (const Side from : {kFromClient, kFromServer}) {
    const std::uint16_t outgoing = std::exchange(tunnel.flows[from].outgoing, std::uint16_t{0});
    if (outgoing == 0) continue;
    const auto buffer = static_cast<std::uint16_t>(outgoing - 1);
    const bool alive = send_on(tunnel, from, contents(buffer));
    ring_.give_back(buffer);
    if (!alive) return false;
  }
  return tunnel.operations > 0 || watch_by_epoll(tunnel);
}

bool UringEngine::watch_by_epoll(Record& tunnel) noexcept {
  tunnel.lane = Lane::kEpoll;
  for (const Side side : {kFromClient, kFromServer}) {
    if (!reactor().add_token(tunnel.fds[side], token_of(tunnel, side))) return broken(tunnel, side);
  }
  return true;
}

void UringEngine::call_off(Record& tunnel) noexcept {
  for (const Side side : {kFromClient, kFromServer}) {
    // A receive keeps the socket open behind our back, so the peers are told now.
    ::shutdown(tunnel.fds[side], SHUT_RDWR);
    const std::uint16_t outgoing = std::exchange(tunnel.flows[side].outgoing, std::uint16_t{0});
    if (outgoing != 0) ring_.give_back(static_cast<std::uint16_t>(outgoing - 1));
  }
  // At the engine's end the ring is not this thread's; it cancels what is left by itself.
  if (!at_end_) cancel_receives(tunnel);
}

}  // namespace limpet::relay
