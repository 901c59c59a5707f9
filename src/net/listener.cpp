#include "net/listener.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "net/tcp_options.h"

namespace limpet::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerEvent = 64;
constexpr base::Duration kPause = std::chrono::milliseconds(100);
constexpr base::Duration kBetweenWarnings = std::chrono::seconds(10);

// A socket file that nobody accepts on was left behind by a dead process.
void remove_stale_socket(const SocketAddress& address) {
  const auto* native = reinterpret_cast<const sockaddr_un*>(address.native());
  struct stat info{};
  if (::stat(native->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), address.native(), address.native_length()) != 0 && errno == ECONNREFUSED) {
    ::unlink(native->sun_path);
  }
}

}  // namespace

std::expected<Fd, std::string> listen_on(const SocketAddress& address, bool reuse_port) {
  const auto failed = [&](const char* what) {
    return std::unexpected(fmt::format("cannot {} {}: {}", what, address.text(), strerrordesc_np(errno)));
  };
  if (address.is_unix()) remove_stale_socket(address);
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed("open a socket for");
  const int on = 1;
  const int off = 0;
  if (!address.is_unix()) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    set_tcp_options(fd.get(), address);
    if (reuse_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  if (address.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd.get(), address.native(), address.native_length()) != 0) return failed("listen on");
  if (::listen(fd.get(), kBacklog) != 0) return failed("listen on");
  return fd;
}

SocketAddress local_address(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_native(reinterpret_cast<sockaddr*>(&storage), length);
}

Listener::Listener(Reactor& reactor, int fd, Accepted accepted, Exhausted exhausted)
    : reactor_(reactor),
      fd_(fd),
      accepted_(std::move(accepted)),
      exhausted_(std::move(exhausted)),
      pause_(&Listener::resume, this) {
  resume(this);
}

Listener::~Listener() {
  stop();
}

void Listener::stop() noexcept {
  pause_.disarm();
  if (std::exchange(listening_, false)) reactor_.remove(fd_);
}

void Listener::on_events(std::uint32_t /*events*/) noexcept {
  for (int i = 0; i < kAcceptsPerEvent && listening_; ++i) {
    sockaddr_storage storage;  // NOLINT(*-member-init): filled in by the kernel
    socklen_t length = sizeof storage;
    Fd fd(::accept4(fd_, reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        run_short(errno);
      }
      return;
    }
    accepted_(std::move(fd), SocketAddress::from_native(reinterpret_cast<sockaddr*>(&storage), length));
  }
}

void Listener::run_short(int code) noexcept {
  const base::TimePoint now = reactor_.now();
  if (warned_ == base::TimePoint::min() || now - warned_ >= kBetweenWarnings) {
    warned_ = now;
    base::log_warn("connections wait, because they cannot be accepted: {}", strerrordesc_np(code));
  }
  if (exhausted_) exhausted_();
  pause();
}

void Listener::pause() noexcept {
  if (std::exchange(listening_, false)) reactor_.remove(fd_);
  reactor_.arm(pause_, kPause);
}

void Listener::resume(void* self) noexcept {
  auto* listener = static_cast<Listener*>(self);
  listener->listening_ = listener->reactor_.add_listener(listener->fd_, *listener);
  // The kernel may lack memory for one more watch just now.
  if (!listener->listening_) listener->pause();
}

}  // namespace limpet::net
