#include "net/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "unit/net/connected_pair.h"

namespace limpet::net {
namespace {

using testing::HasSubstr;

const SocketAddress kAnyPort(IpAddress::from_v4(INADDR_LOOPBACK), 0);

/// A directory that goes away with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = testing::TempDir() + "limpet-listener-XXXXXX";
    path_ = ::mkdtemp(path.data());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

Fd connect_to(const SocketAddress& address) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), address.native(), address.native_length()) != 0) return {};
  return fd;
}

int option(const Fd& fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd.get(), level, name, &value, &length), 0);
  return value;
}

TEST(ListenOn, TakesAPortOfTheSystemsChoice) {
  const auto fd = listen_on(kAnyPort, false);
  ASSERT_TRUE(fd.has_value());
  const SocketAddress real = local_address(fd->get());
  EXPECT_NE(real.port(), 0);
  EXPECT_EQ(real.ip().text(), "127.0.0.1");
  EXPECT_TRUE(connect_to(real));
}

TEST(ListenOn, SaysWhichAddressIsTaken) {
  const auto first = listen_on(kAnyPort, false);
  ASSERT_TRUE(first.has_value());
  const SocketAddress taken = local_address(first->get());
  const auto second = listen_on(taken, false);
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error(), HasSubstr("cannot listen on " + taken.text()));
  EXPECT_THAT(second.error(), HasSubstr("in use"));
}

TEST(ListenOn, SharesAPortIfBothSay) {
  const auto first = listen_on(kAnyPort, true);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(listen_on(local_address(first->get()), true).has_value());
}

TEST(ListenOn, ClientsOfOtherMachinesAreProbedWhenTheyAreIdle) {
  const auto everywhere = listen_on(SocketAddress(IpAddress::from_v4(INADDR_ANY), 0), false);
  ASSERT_TRUE(everywhere.has_value());
  const SocketAddress here(IpAddress::from_v4(INADDR_LOOPBACK), local_address(everywhere->get()).port());
  const Fd client = connect_to(here);
  const Fd accepted(::accept(everywhere->get(), nullptr, nullptr));
  EXPECT_NE(option(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 60);
}

TEST(ListenOn, ReplacesAUnixSocketThatNobodyAcceptsOn) {
  const TemporaryDirectory directory;
  const SocketAddress address = SocketAddress::unix_path(directory.file("limpet.sock"));
  {
    ASSERT_TRUE(listen_on(address, false).has_value());
  }
  const auto again = listen_on(address, false);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(connect_to(address));
  EXPECT_FALSE(listen_on(address, false).has_value());
  EXPECT_TRUE(connect_to(address));
}

TEST(ListenOn, LeavesAFileThatIsNoSocketAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("precious");
  {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
  }
  EXPECT_FALSE(listen_on(SocketAddress::unix_path(path), false).has_value());
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = listen_on(kAnyPort, false);
    ASSERT_TRUE(opened.has_value());
    listening = std::move(*opened);
    address = local_address(listening.get());
  }
  Listener make(Reactor& in) {
    return {in, listening.get(), [this](Fd fd, const SocketAddress& peer) {
              accepted.push_back(std::move(fd));
              peers.push_back(peer);
            }};
  }

  Reactor reactor;
  Fd listening;
  SocketAddress address;
  std::vector<Fd> accepted;
  std::vector<SocketAddress> peers;
};

TEST_F(ListenerTest, AcceptsAndSaysWhoIsThere) {
  const Listener listener = make(reactor);
  std::vector<Fd> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connect_to(address));
  ASSERT_TRUE(turn_until(reactor, [&] { return accepted.size() == 100; }));
  EXPECT_EQ(peers.front().text(), local_address(clients.front().get()).text());
  EXPECT_NE(::fcntl(accepted.front().get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(accepted.front().get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(option(accepted.front(), IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST_F(ListenerTest, TakesNoMoreOnceStopped) {
  Listener listener = make(reactor);
  listener.stop();
  const Fd client = connect_to(address);
  settle(reactor);
  EXPECT_TRUE(accepted.empty());
  // Another reactor's listener still does.
  Reactor other_reactor;
  const Listener other = make(other_reactor);
  EXPECT_TRUE(turn_until(other_reactor, [&] { return accepted.size() == 1; }));
}

/// Lowers the limit on descriptors so that only `spare` more can be opened; lifts it again at the end.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t spare) {
    // Sanitizers need descriptors themselves when code runs for the first time.
    base::log_warn("running out of descriptors");
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const Fd next(::dup(0));
    const rlimit low{.rlim_cur = static_cast<rlim_t>(next.get()) + spare, .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(ListenerTest, PausesWhenDescriptorsRunOutAndGoesOnAfterwards) {
  const Listener listener = make(reactor);
  std::vector<Fd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(connect_to(address));
  {
    const FewDescriptors few(2);
    ASSERT_TRUE(turn_until(reactor, [&] { return accepted.size() == 2; }));
    settle(reactor);
    EXPECT_EQ(accepted.size(), 2U);
    // It waits for its pause to end instead of trying again and again.
    const base::TimePoint began = base::Clock::now();
    reactor.run_once(std::chrono::seconds(10));
    EXPECT_GE(base::Clock::now() - began, std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(turn_until(reactor, [&] { return accepted.size() == 4; }));
}

TEST_F(ListenerTest, MayDieWhileItPauses) {
  std::vector<Fd> clients;
  clients.push_back(connect_to(address));
  {
    const Listener listener = make(reactor);
    const FewDescriptors few(0);
    settle(reactor);
  }
  const Fd client = connect_to(address);
  reactor.run_once(std::chrono::milliseconds(200));
  EXPECT_TRUE(accepted.empty());
}

}  // namespace
}  // namespace limpet::net
