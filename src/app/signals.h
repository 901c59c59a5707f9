#pragma once

#include <functional>

#include "net/fd.h"
#include "net/reactor.h"

namespace limpet::app {

/// Brings SIGTERM, SIGINT, SIGHUP and SIGUSR1 to a reactor. Blocks them for this thread and the threads it
/// starts later, so make it first; SIGPIPE is ignored for the process. The reactor's thread.
class Signals final : public net::EventHandler {
 public:
  Signals(net::Reactor& reactor, std::function<void(int signal)> received);
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

 private:
  void on_events(std::uint32_t events) noexcept override;

  net::Reactor& reactor_;
  std::function<void(int)> received_;
  net::Fd fd_;
};

}  // namespace limpet::app
