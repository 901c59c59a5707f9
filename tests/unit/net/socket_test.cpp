#include "net/socket.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/listener.h"
#include "net/task.h"
#include "unit/net/connected_pair.h"

namespace limpet::net {
namespace {

using base::FailureKind;
using base::Side;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Result = std::expected<std::size_t, base::Failure>;

/// What an operation that runs beside the test has come to.
struct Outcome {
  std::optional<Result> result;
  std::string bytes;
  [[nodiscard]] bool done() const { return result.has_value(); }
  [[nodiscard]] std::optional<FailureKind> failure() const {
    if (!result || result->has_value()) return std::nullopt;
    return result->error().kind;
  }
};

Task<void> read_into(Socket& socket, Outcome& outcome, std::size_t most = 64 * 1024) {
  std::string bytes(most, '\0');
  const Result result = co_await socket.read(bytes);
  if (result) outcome.bytes = bytes.substr(0, *result);
  outcome.result = result;
}

Task<void> write_from(Socket& socket, Pieces pieces, Outcome& outcome) {
  const Result result = co_await socket.write(pieces);
  outcome.result = result;
}

Task<void> wait_for_input(Socket& socket, Outcome& outcome) {
  const Result result = co_await socket.wait_readable();
  outcome.result = result;
}

class SocketTest : public testing::TestWithParam<ConnectedPair (*)()> {
 protected:
  SocketTest() : pair(GetParam()()), socket(reactor, std::move(pair.ours), Side::kClient) {}

  [[nodiscard]] bool turn_until_done(const Outcome& outcome) {
    return turn_until(reactor, [&] { return outcome.done(); });
  }

  Reactor reactor;
  ConnectedPair pair;
  Socket socket;
};

INSTANTIATE_TEST_SUITE_P(Kinds, SocketTest, testing::Values(&unix_pair, &tcp_pair),
                         [](const auto& info) { return info.index == 0 ? "Unix" : "Tcp"; });

TEST_P(SocketTest, ReadsWhatIsThereAndWhatComesLater) {
  ASSERT_TRUE(socket.valid());
  send_some(pair.peers, "early");
  Outcome first;
  spawn(read_into(socket, first));
  ASSERT_TRUE(turn_until_done(first));
  EXPECT_EQ(first.bytes, "early");
  Outcome second;
  spawn(read_into(socket, second));
  settle(reactor);
  EXPECT_FALSE(second.done());
  send_some(pair.peers, "later");
  ASSERT_TRUE(turn_until_done(second));
  EXPECT_EQ(second.bytes, "later");
  EXPECT_EQ(socket.bytes_read(), 10U);
}

TEST_P(SocketTest, ReadsInSmallPiecesWithoutLosingAny) {
  send_some(pair.peers, "abcdefgh");
  std::string all;
  for (int i = 0; i < 4; ++i) {
    Outcome outcome;
    spawn(read_into(socket, outcome, 2));
    ASSERT_TRUE(turn_until_done(outcome));
    all += outcome.bytes;
  }
  EXPECT_EQ(all, "abcdefgh");
}

TEST_P(SocketTest, ReadsWhatWasSentBeforeTheEndAndThenTheEnd) {
  send_some(pair.peers, "last words");
  pair.peers.reset();
  Outcome words;
  spawn(read_into(socket, words));
  ASSERT_TRUE(turn_until_done(words));
  EXPECT_EQ(words.bytes, "last words");
  for (int i = 0; i < 2; ++i) {
    Outcome end;
    spawn(read_into(socket, end));
    ASSERT_TRUE(turn_until_done(end));
    ASSERT_TRUE(end.result->has_value());
    EXPECT_EQ(**end.result, 0U);
  }
}

TEST_P(SocketTest, WaitsUntilThereIsSomethingToRead) {
  Outcome outcome;
  spawn(wait_for_input(socket, outcome));
  settle(reactor);
  EXPECT_FALSE(outcome.done());
  send_some(pair.peers, "x");
  ASSERT_TRUE(turn_until_done(outcome));
  Outcome bytes;
  spawn(read_into(socket, bytes));
  EXPECT_EQ(bytes.bytes, "x");
}

TEST_P(SocketTest, WritesSeveralPiecesInOrder) {
  Pieces pieces("one,");
  pieces.add("");
  pieces.add("two,");
  pieces.add("three,");
  pieces.add("four");
  EXPECT_EQ(pieces.size(), 18U);
  Outcome outcome;
  spawn(write_from(socket, pieces, outcome));
  ASSERT_TRUE(turn_until_done(outcome));
  EXPECT_EQ(**outcome.result, 18U);
  EXPECT_EQ(socket.bytes_written(), 18U);
  Received received;
  ASSERT_TRUE(turn_until(reactor, [&] {
    receive_some(pair.peers, received);
    return received.bytes.size() == 18;
  }));
  EXPECT_EQ(received.bytes, "one,two,three,four");
}

TEST_P(SocketTest, AWriteThatDoesNotFitWaitsForTheReceiver) {
  std::string large(16 * 1024 * 1024, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 31 >> 8U);
  Pieces pieces(std::string_view(large).substr(0, 3));
  pieces.add(std::string_view(large).substr(3, 7'000'000));
  pieces.add(std::string_view(large).substr(7'000'003));
  Outcome outcome;
  spawn(write_from(socket, pieces, outcome));
  settle(reactor);
  EXPECT_FALSE(outcome.done());
  Received received;
  ASSERT_TRUE(turn_until(reactor, [&] {
    receive_some(pair.peers, received, 100'000);
    return received.bytes.size() == large.size();
  }));
  ASSERT_TRUE(turn_until_done(outcome));
  EXPECT_EQ(**outcome.result, large.size());
  EXPECT_TRUE(received.bytes == large);
}

TEST_P(SocketTest, ReadsAndWritesAtTheSameTime) {
  const std::string large(8 * 1024 * 1024, 'w');
  Outcome written;
  Outcome read;
  spawn(write_from(socket, Pieces(large), written));
  spawn(read_into(socket, read));
  settle(reactor);
  EXPECT_FALSE(written.done());
  EXPECT_FALSE(read.done());
  send_some(pair.peers, "meanwhile");
  ASSERT_TRUE(turn_until_done(read));
  EXPECT_EQ(read.bytes, "meanwhile");
  EXPECT_FALSE(written.done());
  Received received;
  ASSERT_TRUE(turn_until(reactor, [&] {
    receive_some(pair.peers, received);
    return written.done();
  }));
}

TEST_P(SocketTest, WritingToAPeerThatHasClosedFails) {
  pair.peers.reset();
  Outcome outcome;
  ASSERT_TRUE(turn_until(reactor, [&] {
    outcome = {};
    spawn(write_from(socket, Pieces("x"), outcome));
    return outcome.failure().has_value();
  }));
  EXPECT_EQ(outcome.failure(), FailureKind::kReset);
  EXPECT_EQ(outcome.result->error().side, Side::kClient);
}

TEST_P(SocketTest, AWaitEndsAtItsDeadline) {
  Outcome outcome;
  const base::TimePoint began = reactor.now();
  socket.set_deadline(milliseconds(40));
  spawn(read_into(socket, outcome));
  ASSERT_TRUE(turn_until_done(outcome));
  EXPECT_EQ(outcome.failure(), FailureKind::kTimeout);
  EXPECT_GE(base::Clock::now() - began, milliseconds(40));
  Outcome later;
  spawn(read_into(socket, later));
  EXPECT_EQ(later.failure(), FailureKind::kTimeout);
  socket.clear_deadline();
  send_some(pair.peers, "x");
  Outcome again;
  spawn(read_into(socket, again));
  ASSERT_TRUE(turn_until_done(again));
  EXPECT_EQ(again.bytes, "x");
}

TEST_P(SocketTest, ADeadlineThatIsMovedOrClearedDoesNotStrike) {
  Outcome outcome;
  socket.set_deadline(milliseconds(20));
  spawn(read_into(socket, outcome));
  socket.set_deadline(seconds(600));
  const base::TimePoint end = base::Clock::now() + milliseconds(80);
  ASSERT_TRUE(turn_until(reactor, [&] { return base::Clock::now() > end; }));
  EXPECT_FALSE(outcome.done());
  socket.set_deadline(base::Duration(0));
  settle(reactor);
  EXPECT_FALSE(outcome.done());
  send_some(pair.peers, "x");
  ASSERT_TRUE(turn_until_done(outcome));
}

TEST_P(SocketTest, CancelFailsWhatWaitsAndAllThatComesLater) {
  Outcome read;
  Outcome written;
  const std::string large(8 * 1024 * 1024, 'w');
  spawn(read_into(socket, read));
  spawn(write_from(socket, Pieces(large), written));
  socket.cancel();
  EXPECT_FALSE(read.done());
  ASSERT_TRUE(turn_until_done(read));
  ASSERT_TRUE(turn_until_done(written));
  EXPECT_EQ(read.failure(), FailureKind::kCancelled);
  EXPECT_EQ(written.failure(), FailureKind::kCancelled);
  Outcome later;
  spawn(read_into(socket, later));
  EXPECT_EQ(later.failure(), FailureKind::kCancelled);
}

TEST_P(SocketTest, AnInterruptedReadLeavesTheSocketUsable) {
  socket.interrupt_read();
  Outcome read;
  spawn(read_into(socket, read));
  socket.interrupt_read();
  ASSERT_TRUE(turn_until_done(read));
  EXPECT_EQ(read.failure(), FailureKind::kCancelled);
  send_some(pair.peers, "x");
  Outcome again;
  spawn(read_into(socket, again));
  ASSERT_TRUE(turn_until_done(again));
  EXPECT_EQ(again.bytes, "x");
}

/// Counts calls of a hang-up.
struct HangUps {
  int calls = 0;
  static void count(void* self) noexcept { ++static_cast<HangUps*>(self)->calls; }
};

TEST_P(SocketTest, TellsOnceThatThePeerHungUp) {
  HangUps hang_ups;
  socket.on_hang_up(&HangUps::count, &hang_ups);
  settle(reactor);
  EXPECT_EQ(hang_ups.calls, 0);
  send_some(pair.peers, "x");
  settle(reactor);
  EXPECT_EQ(hang_ups.calls, 0);
  ::shutdown(pair.peers.get(), SHUT_WR);
  ASSERT_TRUE(turn_until(reactor, [&] { return hang_ups.calls > 0; }));
  EXPECT_TRUE(socket.hung_up());
  pair.peers.reset();
  settle(reactor);
  EXPECT_EQ(hang_ups.calls, 1);
  // Bytes sent before are still there.
  Outcome read;
  spawn(read_into(socket, read));
  EXPECT_EQ(read.bytes, "x");
}

TEST_P(SocketTest, AHangUpThatHasHappenedIsToldAtOnce) {
  pair.peers.reset();
  ASSERT_TRUE(turn_until(reactor, [&] { return socket.hung_up(); }));
  HangUps hang_ups;
  socket.on_hang_up(&HangUps::count, &hang_ups);
  EXPECT_EQ(hang_ups.calls, 1);
}

TEST_P(SocketTest, AHalfCloseIsNoBrokenConnection) {
  HangUps broken;
  socket.on_hang_up(&HangUps::count, &broken, Socket::HangUpKind::kBroken);
  ::shutdown(pair.peers.get(), SHUT_WR);
  ASSERT_TRUE(turn_until(reactor, [&] { return socket.hung_up(); }));
  settle(reactor);
  EXPECT_EQ(broken.calls, 0);
  socket.cancel();
  EXPECT_EQ(broken.calls, 1);
}

TEST(SocketHangUp, AResetIsABrokenConnection) {
  Reactor reactor;
  ConnectedPair pair = tcp_pair();
  Socket socket(reactor, std::move(pair.ours), Side::kClient);
  HangUps broken;
  socket.on_hang_up(&HangUps::count, &broken, Socket::HangUpKind::kBroken);
  reset_connection(pair.peers);
  EXPECT_TRUE(turn_until(reactor, [&] { return broken.calls == 1; }));
  Outcome read;
  spawn(read_into(socket, read));
  EXPECT_EQ(read.failure(), FailureKind::kReset);
}

TEST(SocketHangUp, TheCallMayDestroyTheSocket) {
  Reactor reactor;
  ConnectedPair pair = unix_pair();
  auto socket = std::make_unique<Socket>(reactor, std::move(pair.ours), Side::kServer);
  socket->on_hang_up([](void* held) noexcept { static_cast<std::unique_ptr<Socket>*>(held)->reset(); },
                     &socket);
  pair.peers.reset();
  EXPECT_TRUE(turn_until(reactor, [&] { return socket == nullptr; }));
  settle(reactor);
}

TEST_P(SocketTest, KnowsWhetherSomethingWaitsToBeRead) {
  settle(reactor);
  EXPECT_FALSE(socket.has_input());
  send_some(pair.peers, "x");
  EXPECT_TRUE(turn_until(reactor, [&] { return socket.has_input(); }));
  Outcome read;
  spawn(read_into(socket, read, 1));
  EXPECT_EQ(read.bytes, "x");
  EXPECT_FALSE(socket.has_input());
  pair.peers.reset();
  EXPECT_TRUE(turn_until(reactor, [&] { return socket.has_input(); }));
}

TEST_P(SocketTest, AReleasedDescriptorStaysOpenAndRegistered) {
  const int number = socket.fd();
  Fd fd = socket.release();
  EXPECT_EQ(fd.get(), number);
  EXPECT_FALSE(socket.valid());
  EXPECT_EQ(::fcntl(number, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  reactor.forget(number);
}

TEST_P(SocketTest, APeerThatIsAlwaysReadyDoesNotKeepTheThreadToItself) {
  const std::string bytes(4000, 'x');
  ASSERT_EQ(send_some(pair.peers, bytes), bytes.size());
  settle(reactor);
  std::size_t read = 0;
  spawn([](Socket& from, std::size_t& total) -> Task<void> {
    std::array<char, 1> byte{};
    while (total < 4000) total += (co_await from.read(byte)).value();
  }(socket, read));
  std::size_t last = read;
  EXPECT_LT(last, 100U);
  int turns = 0;
  while (read < bytes.size()) {
    reactor.run_once(seconds(10));
    EXPECT_GT(read, last);
    EXPECT_LT(read - last, 200U);
    last = read;
    ASSERT_LT(++turns, 1000);
  }
  EXPECT_GT(turns, 20);
}

TEST_P(SocketTest, AReadThatWaitsForItsShareMayBeCancelled) {
  send_some(pair.peers, std::string(1000, 'x'));
  settle(reactor);
  Outcome outcome;
  for (int i = 0; i < 100 && !outcome.failure(); ++i) {
    outcome = {};
    spawn(read_into(socket, outcome, 1));
    if (!outcome.done()) socket.interrupt_read();
    if (!outcome.done()) break;
  }
  ASSERT_TRUE(turn_until_done(outcome));
  EXPECT_EQ(outcome.failure(), FailureKind::kCancelled);
}

using SocketDeathTest = SocketTest;
INSTANTIATE_TEST_SUITE_P(Kinds, SocketDeathTest, testing::Values(&unix_pair));

TEST_P(SocketDeathTest, ASocketMustNotDieWhileAnOperationWaits) {
  EXPECT_DEATH(
      {
        Reactor other;
        ConnectedPair unused = unix_pair();
        Outcome outcome;
        Socket doomed(other, std::move(unused.ours), Side::kClient);
        spawn(read_into(doomed, outcome));
      },
      "broken invariant");
}

TEST_P(SocketDeathTest, TwoReadsMustNotWaitAtOnce) {
  EXPECT_DEATH(
      {
        Outcome outcome;
        spawn(read_into(socket, outcome));
        spawn(read_into(socket, outcome));
      },
      "broken invariant");
}

TEST(Pieces, AdvanceOverTheirEnds) {
  Pieces pieces("abc");
  pieces.add("de");
  pieces.add("f");
  pieces.advance(2);
  EXPECT_EQ(pieces.size(), 4U);
  pieces.advance(1);
  EXPECT_EQ(pieces.vectors().size(), 2U);
  pieces.advance(2);
  EXPECT_EQ(pieces.vectors().size(), 1U);
  pieces.advance(1);
  EXPECT_TRUE(pieces.empty());
  EXPECT_EQ(pieces.size(), 0U);
}

TEST(StartConnect, TheFirstWriteWaitsForTheConnection) {
  Reactor reactor;
  const auto listening = listen_on(SocketAddress(IpAddress::from_v4(INADDR_LOOPBACK), 0), false);
  ASSERT_TRUE(listening.has_value());
  auto fd = Socket::start_connect(local_address(listening->get()));
  ASSERT_TRUE(fd.has_value());
  Socket socket(reactor, std::move(*fd), Side::kServer);
  Outcome outcome;
  spawn(write_from(socket, Pieces("hello"), outcome));
  ASSERT_TRUE(turn_until(reactor, [&] { return outcome.done(); }));
  EXPECT_EQ(**outcome.result, 5U);
}

TEST(StartConnect, TheFirstWriteSaysThatNobodyListens) {
  Reactor reactor;
  SocketAddress nobody;
  {
    const auto listening = listen_on(SocketAddress(IpAddress::from_v4(INADDR_LOOPBACK), 0), false);
    ASSERT_TRUE(listening.has_value());
    nobody = local_address(listening->get());
  }
  auto fd = Socket::start_connect(nobody);
  if (!fd) {
    EXPECT_EQ(fd.error().kind, FailureKind::kRefused);
    return;
  }
  Socket socket(reactor, std::move(*fd), Side::kServer);
  Outcome outcome;
  spawn(write_from(socket, Pieces("hello"), outcome));
  ASSERT_TRUE(turn_until(reactor, [&] { return outcome.done(); }));
  EXPECT_EQ(outcome.failure(), FailureKind::kRefused);
  EXPECT_EQ(socket.bytes_written(), 0U);
}

TEST(StartConnect, AUnixSocketThatIsNotThereIsRefused) {
  const auto fd = Socket::start_connect(SocketAddress::unix_path("/nonexistent/limpet.sock"));
  ASSERT_FALSE(fd.has_value());
  EXPECT_EQ(fd.error().kind, FailureKind::kRefused);
  EXPECT_EQ(fd.error().side, Side::kServer);
}

TEST(Socket, SaysSoWhenTheKernelRefusesTheRegistration) {
  Reactor reactor;
  const Socket socket(reactor, Fd(::open("/dev/null", O_RDONLY)), Side::kClient);
  EXPECT_FALSE(socket.valid());
}

}  // namespace
}  // namespace limpet::net
