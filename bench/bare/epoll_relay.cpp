#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "bare/relay.h"

namespace limpet::bench {
namespace {

class EpollRelay final : public BareRelay {
 public:
  [[noreturn]] void run(const Descriptor& listening, const sockaddr_in& server) override {
    watch(listening.get(), EPOLLIN);
    std::array<epoll_event, 256> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listening.get()) {
          accept_all(fd, server);
        } else {
          pass_on(fd);
        }
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    expect(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
  }

  void accept_all(int listening, const sockaddr_in& server) {
    for (int client = pairs_.accept_one(listening, server); client >= 0;
         client = pairs_.accept_one(listening, server)) {
      watch(client, EPOLLIN | EPOLLRDHUP | EPOLLET);
      watch(pairs_.peer(client), EPOLLIN | EPOLLRDHUP | EPOLLET);
    }
  }

  void pass_on(int fd) {
    if (pairs_.peer(fd) < 0) return;
    while (true) {
      const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
      if (size < 0) return;
      if (size == 0) {
        pairs_.close(fd);
        return;
      }
      ::send(pairs_.peer(fd), buffer_.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    }
  }

  Descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  Pairs pairs_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} * 1024);
};

}  // namespace

std::unique_ptr<BareRelay> make_epoll_relay() {
  return std::make_unique<EpollRelay>();
}

}  // namespace limpet::bench
