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
                                          std::uint8_t small_reads) {
  return std::make_unique<UringEngine>(reactor, half_open_timeout, small_reads);
}

EngineKind choose_engine(std::string_view wanted) {
  if (wanted == "epoll") return EngineKind::kEpoll;
  const std::optional<std::string> why_not = why_no_uring();
  if (!why_not) return EngineKind::kUring;
  const auto level = wanted == "auto" ? base::LogLevel::kInfo : base::LogLevel::kWarn;
  base::log(level, "relay engine: epoll, as io_uring is not to be had here: {}", *why_not);
  return EngineKind::kEpoll;
}

std::unique_ptr<Engine> make_engine(EngineKind kind, net::Reactor& reactor) {
  if (kind == EngineKind::kUring) {
    try {
      return make_uring_engine(reactor);
    } catch (const std::system_error& error) {
      base::log_warn("a thread gets the relay engine epoll instead of io_uring: {}", error.what());
    }
  }
  return make_epoll_engine(reactor);
}

}  // namespace limpet::relay
