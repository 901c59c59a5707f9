#include "relay/engine.h"

#include <system_error>

#include "base/log.h"
#include "relay/epoll_engine.h"
#include "relay/uring_engine.h"

namespace limpet::relay {

std::string_view close_reason_name(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::kClient:
      return "client";
    case CloseReason::kServer:
      return "server";
    case CloseReason::kClientReset:
      return "client-reset";
    case CloseReason::kServerReset:
      return "server-reset";
    case CloseReason::kIdle:
      return "idle";
    case CloseReason::kHalfOpen:
      return "half-open";
    case CloseReason::kOrdered:
      return "ordered";
  }
  return "unknown";
}

std::unique_ptr<Engine> make_epoll_engine(net::Reactor& reactor, base::Duration half_open_timeout) {
  return std::make_unique<EpollEngine>(reactor, half_open_timeout);
}

std::unique_ptr<Engine> make_uring_engine(net::Reactor& reactor, base::Duration half_open_timeout,
                                          std::uint8_t small_reads, base::Duration batch_delay) {
  return std::make_unique<UringEngine>(reactor, half_open_timeout, small_reads, batch_delay);
}

EngineKind choose_engine(std::string_view wanted) {
  if (wanted == "epoll") return EngineKind::kEpoll;
  const std::optional<std::string> why_not = why_no_uring();
  if (!why_not) return EngineKind::kUring;
  const auto level = wanted == "auto" ? base::LogLevel::kInfo : base::LogLevel::kWarn;
  base::log(level, "relay engine: epoll, as io_uring is not to be had here: {}", *why_not);
  return EngineKind::kEpoll;
}

std::unique_ptr<Engine> make_engine(EngineKind kind, net::Reactor& reactor, base::Duration batch_delay) {
  if (kind == EngineKind::kUring) {
    try {
      return make_uring_engine(reactor, kHalfOpenTimeout, kSmallReadsForRing, batch_delay);
    } catch (const std::system_error& error) {
      base::log_warn("a thread gets the relay engine epoll instead of io_uring: {}", error.what());
    }
  }
  return make_epoll_engine(reactor);
}

std::optional<std::string> why_no_batch_delay(EngineKind kind) {
  if (kind == EngineKind::kEpoll) return "the relay engine is epoll";
  try {
    if (!Ring().can_gather()) return "this kernel is older than 6.12";
  } catch (const std::system_error& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace limpet::relay
