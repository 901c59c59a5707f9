#include "app/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace limpet::app {

Signals::Signals(net::Reactor& reactor, std::function<void(int)> received)
    : reactor_(reactor), received_(std::move(received)) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&wanted, signal);
  ::pthread_sigmask(SIG_BLOCK, &wanted, nullptr);
  fd_ = net::Fd(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_ || !reactor_.add_reader(fd_.get(), *this)) {
    throw std::system_error(errno, std::generic_category(), "cannot receive signals");
  }
}

Signals::~Signals() {
  reactor_.remove(fd_.get());
}

void Signals::on_events(std::uint32_t /*events*/) noexcept {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    received_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace limpet::app
