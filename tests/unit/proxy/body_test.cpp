#include "proxy/body.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "http/chunked.h"
#include "unit/net/connected_pair.h"

namespace limpet::proxy {
namespace {

using base::FailureKind;
using base::Side;
using http::BodyKind;
using net::ConnectedPair;
using net::Received;
using Result = std::expected<void, base::Failure>;

/// A body on its way between two sockets, with the test at the far end of both.
class Move {
 public:
  Move(ConnectedPair from, ConnectedPair to)
      : sender(std::move(from.peers)),
        receiver(std::move(to.peers)),
        from_(reactor, std::move(from.ours), Side::kServer),
        to_(reactor, std::move(to.ours), Side::kClient) {
    transfer.from = &from_;
    transfer.to = &to_;
    transfer.buffer = &buffer;
  }

  void start() {
    net::spawn([](Move& self) -> net::Task<void> { self.result = co_await move_body(self.transfer); }(*this));
  }
  /// Turns until it has come to an end, with the receiver reading as much as `appetite` each time.
  [[nodiscard]] bool finish(std::size_t appetite = 1'000'000) {
    const bool finished = net::turn_until(reactor, [&] {
      receive(appetite);
      return result.has_value();
    });
    receive();
    return finished;
  }
  void receive(std::size_t most = 100'000'000) {
    if (receiver) net::receive_some(receiver, received, most);
  }
  [[nodiscard]] std::optional<base::Failure> failure() const {
    return result && !*result ? std::optional(result->error()) : std::nullopt;
  }

  net::Reactor reactor;
  net::BufferPool pool;
  net::ReadBuffer buffer{pool};
  net::Fd sender;
  net::Fd receiver;
  Received received;
  BodyTransfer transfer;
  std::optional<Result> result;

 private:
  net::Socket from_;
  net::Socket to_;
};

/// A body as it is written, and what is in it.
struct Sample {
  http::Framing framing;
  std::string wire;
  std::string data;
  std::string trailers;
  [[nodiscard]] bool ends_by_close() const { return framing.kind == BodyKind::kUntilClose; }
};

const std::vector<Sample>& samples() {
  static const std::vector<Sample> all = {
      {{BodyKind::kNone, 0}, "", "", ""},
      {{BodyKind::kLength, 0}, "", "", ""},
      {{BodyKind::kLength, 11}, "hello world", "hello world", ""},
      {{BodyKind::kChunked, 0}, "0\r\n\r\n", "", ""},
      {{BodyKind::kChunked, 0}, "5\r\nhello\r\n006;x=\"y\"\r\n world\r\n0\r\n\r\n", "hello world", ""},
      {{BodyKind::kChunked, 0}, "1\r\n!\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n", "!", "X-Sum: 1\r\n"},
      {{BodyKind::kUntilClose, 0}, "hello world", "hello world", ""},
      {{BodyKind::kUntilClose, 0}, "", "", ""},
  };
  return all;
}

/// What has come out, decoded as the coding says; `complete` if the coding says that it is all.
struct Decoded {
  std::string data;
  std::string trailers;
  bool complete = true;
};

Decoded decode(const Received& received, BodyCoding coding) {
  if (coding == BodyCoding::kRaw) return {.data = received.bytes, .trailers = {}};
  Decoded decoded;
  http::ChunkedDecoder decoder;
  std::string_view rest = received.bytes;
  while (!rest.empty() && !decoder.done()) {
    const auto step = decoder.next(rest);
    EXPECT_TRUE(step.has_value()) << received.bytes;
    if (!step) break;
    decoded.data += step->data;
    rest.remove_prefix(step->consumed);
  }
  EXPECT_EQ(rest, "");
  decoded.complete = decoder.done();
  decoded.trailers = decoder.trailers();
  return decoded;
}

using Case = std::tuple<std::size_t, BodyCoding>;
class BodyTest : public testing::TestWithParam<Case> {
 protected:
  [[nodiscard]] static const Sample& sample() { return samples()[std::get<0>(GetParam())]; }
  [[nodiscard]] static BodyCoding coding() { return std::get<1>(GetParam()); }
  /// Trailers go on only where there is room for them.
  [[nodiscard]] static std::string trailers() {
    return coding() == BodyCoding::kChunked ? sample().trailers : std::string{};
  }
  [[nodiscard]] static bool has_body() { return sample().framing.kind != BodyKind::kNone; }
};
INSTANTIATE_TEST_SUITE_P(FramingsAndCodings, BodyTest,
                         testing::Combine(testing::Range(std::size_t{0}, std::size_t{8}),
                                          testing::Values(BodyCoding::kRaw, BodyCoding::kChunked)));

TEST_P(BodyTest, ArrivesWholeWhereverItIsSplit) {
  const std::string& wire = sample().wire;
  const std::string next = sample().ends_by_close() ? "" : "GET / HTTP/1.1\r\n";
  for (std::size_t split = 0; split <= wire.size(); ++split) {
    Move move(net::unix_pair(), net::unix_pair());
    move.transfer.framing = sample().framing;
    move.transfer.coding = coding();
    move.transfer.prefix = "HEAD\r\n\r\n";
    // The first part is in the buffer already, as behind a head.
    const std::span<char> room = move.buffer.room(net::Block::kSize);
    std::ranges::copy(wire.substr(0, split), room.begin());
    move.buffer.filled(split);
    move.start();
    net::send_some(move.sender, wire.substr(split) + next);
    if (sample().ends_by_close()) move.sender.reset();
    ASSERT_TRUE(move.finish());
    EXPECT_TRUE(move.result->has_value());
    ASSERT_TRUE(move.received.bytes.starts_with("HEAD\r\n\r\n"));
    move.received.bytes.erase(0, 8);
    if (has_body()) {
      const Decoded decoded = decode(move.received, coding());
      EXPECT_EQ(decoded.data, sample().data);
      EXPECT_EQ(decoded.trailers, trailers());
      EXPECT_TRUE(decoded.complete);
    } else {
      EXPECT_EQ(move.received.bytes, "");
    }
    EXPECT_EQ(move.transfer.moved, sample().data.size());
    // What follows is left for the next message.
    EXPECT_TRUE(next.starts_with(move.buffer.view())) << move.buffer.view();
  }
}

TEST_P(BodyTest, ArrivesWholeByteByByte) {
  Move move(net::unix_pair(), net::unix_pair());
  move.transfer.framing = sample().framing;
  move.transfer.coding = coding();
  move.start();
  for (const char byte : sample().wire) {
    net::send_some(move.sender, std::string_view(&byte, 1));
    net::settle(move.reactor);
  }
  if (sample().ends_by_close()) move.sender.reset();
  ASSERT_TRUE(move.finish());
  EXPECT_TRUE(move.result->has_value());
  if (has_body()) {
    const Decoded decoded = decode(move.received, coding());
    EXPECT_EQ(decoded.data, sample().data);
    EXPECT_TRUE(decoded.complete);
  }
}

TEST_P(BodyTest, ThatIsCutShortFailsAndIsNotMadeToLookWhole) {
  if (sample().ends_by_close()) return;
  for (std::size_t cut = 0; cut < sample().wire.size(); ++cut) {
    Move move(net::unix_pair(), net::unix_pair());
    move.transfer.framing = sample().framing;
    move.transfer.coding = coding();
    move.start();
    net::send_some(move.sender, sample().wire.substr(0, cut));
    move.sender.reset();
    ASSERT_TRUE(move.finish());
    ASSERT_TRUE(move.failure().has_value());
    EXPECT_EQ(move.failure()->kind, FailureKind::kClosed);
    EXPECT_EQ(move.failure()->side, Side::kServer);
    if (coding() == BodyCoding::kChunked) {
      EXPECT_FALSE(decode(move.received, coding()).complete);
    }
  }
}

std::string random_bytes(std::size_t size) {
  std::minstd_rand random(7);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8U);
  return bytes;
}

std::string chunked(std::string_view data, std::size_t chunk) {
  std::string out;
  for (; !data.empty(); data.remove_prefix(std::min(chunk, data.size()))) {
    const std::string_view part = data.substr(0, chunk);
    std::array<char, http::kMaxChunkHeader> header{};
    out.append(header.data(), http::write_chunk_header(header.data(), part.size()));
    out.append(part).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

using LargeCase = std::tuple<BodyKind, BodyCoding, ConnectedPair (*)()>;
class LargeBodyTest : public testing::TestWithParam<LargeCase> {};
INSTANTIATE_TEST_SUITE_P(All, LargeBodyTest,
                         testing::Combine(testing::Values(BodyKind::kLength, BodyKind::kChunked,
                                                          BodyKind::kUntilClose),
                                          testing::Values(BodyCoding::kRaw, BodyCoding::kChunked),
                                          testing::Values(&net::unix_pair, &net::tcp_pair)));

TEST_P(LargeBodyTest, WaitsForASlowReceiver) {
  const auto [kind, coding, make] = GetParam();
  const std::string data = random_bytes(3'000'000);
  const std::string wire = kind == BodyKind::kChunked ? chunked(data, 50'000) : data;
  ConnectedPair from = make();
  ConnectedPair to = make();
  net::limit_socket_buffers(from.peers, from.ours, 128 * 1024);
  net::limit_socket_buffers(to.ours, to.peers, 128 * 1024);
  Move move(std::move(from), std::move(to));
  move.transfer.framing = {kind, data.size()};
  move.transfer.coding = coding;
  move.start();
  std::size_t sent = 0;
  int quiet = 0;
  ASSERT_TRUE(net::turn_until(move.reactor, [&] {
    const std::size_t now = net::send_some(move.sender, std::string_view(wire).substr(sent));
    quiet = now == 0 ? quiet + 1 : 0;
    sent += now;
    return quiet > 100;
  }));
  // What the kernel's four buffers hold, twice what they are told, and a block of ours.
  EXPECT_LT(sent, 4U * 2 * 128 * 1024 + net::Block::kSize);
  ASSERT_TRUE(net::turn_until(move.reactor, [&] {
    sent += net::send_some(move.sender, std::string_view(wire).substr(sent));
    move.receive(60'000);
    return sent == wire.size();
  }));
  if (kind == BodyKind::kUntilClose) move.sender.reset();
  ASSERT_TRUE(move.finish(60'000));
  EXPECT_TRUE(move.result->has_value());
  EXPECT_TRUE(decode(move.received, coding).data == data);
  EXPECT_EQ(move.transfer.moved, data.size());
}

TEST_P(LargeBodyTest, FailsWhenTheReceiverGoes) {
  const auto [kind, coding, make] = GetParam();
  const std::string data = random_bytes(3'000'000);
  const std::string wire = kind == BodyKind::kChunked ? chunked(data, 50'000) : data;
  Move move(make(), make());
  move.transfer.framing = {kind, data.size()};
  move.transfer.coding = coding;
  move.start();
  std::size_t sent = 0;
  ASSERT_TRUE(net::turn_until(move.reactor, [&] {
    sent += net::send_some(move.sender, std::string_view(wire).substr(sent));
    if (sent > 1'000'000 && move.receiver) move.receiver.reset();
    if (move.receiver) move.receive(60'000);
    return move.result.has_value();
  }));
  ASSERT_TRUE(move.failure().has_value());
  EXPECT_EQ(move.failure()->side, Side::kClient);
  EXPECT_EQ(move.failure()->kind, FailureKind::kReset);
}

TEST(Body, TheHeadDoesNotWaitForABodyThatIsSlowToCome) {
  Move move(net::unix_pair(), net::unix_pair());
  move.transfer.framing = {BodyKind::kLength, 4};
  move.transfer.prefix = "HEAD";
  move.start();
  EXPECT_TRUE(net::turn_until(move.reactor, [&] {
    move.receive();
    return move.received.bytes == "HEAD";
  }));
  net::send_some(move.sender, "body");
  ASSERT_TRUE(move.finish());
  EXPECT_EQ(move.received.bytes, "HEADbody");
}

TEST(Body, EachPieceGoesOnAtOnce) {
  Move move(net::unix_pair(), net::unix_pair());
  move.transfer.framing = {BodyKind::kUntilClose, 0};
  move.transfer.coding = BodyCoding::kChunked;
  move.start();
  for (const std::string_view event : {"data: 1\n\n", "data: 2\n\n"}) {
    const std::size_t before = move.received.bytes.size();
    net::send_some(move.sender, event);
    ASSERT_TRUE(net::turn_until(move.reactor, [&] {
      move.receive();
      return move.received.bytes.size() > before;
    }));
    EXPECT_EQ(move.received.bytes.substr(before), "9\r\n" + std::string(event) + "\r\n");
  }
  move.sender.reset();
  ASSERT_TRUE(move.finish());
  EXPECT_TRUE(move.received.bytes.ends_with("0\r\n\r\n"));
}

TEST(Body, ShowsItsFirstBytesOnce) {
  Move move(net::unix_pair(), net::unix_pair());
  std::vector<std::string> seen;
  move.transfer.framing = {BodyKind::kChunked, 0};
  move.transfer.first_bytes = [&](std::string_view bytes) { seen.emplace_back(bytes); };
  move.start();
  net::send_some(move.sender, "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  ASSERT_TRUE(move.finish());
  EXPECT_EQ(seen, (std::vector<std::string>{"abc"}));
}

TEST(Body, AMalformedChunkIsTheSendersFault) {
  Move move(net::unix_pair(), net::unix_pair());
  move.transfer.framing = {BodyKind::kChunked, 0};
  move.start();
  net::send_some(move.sender, "3\r\nabcdef\r\n");
  ASSERT_TRUE(move.finish());
  ASSERT_TRUE(move.failure().has_value());
  EXPECT_EQ(move.failure()->kind, FailureKind::kProtocol);
  EXPECT_EQ(move.failure()->side, Side::kServer);
}

TEST(Body, ASenderThatStallsTimesOut) {
  Move move(net::unix_pair(), net::unix_pair());
  move.transfer.framing = {BodyKind::kLength, 10};
  move.transfer.read_timeout = std::chrono::milliseconds(50);
  move.start();
  net::send_some(move.sender, "half");
  ASSERT_TRUE(move.finish());
  ASSERT_TRUE(move.failure().has_value());
  EXPECT_EQ(move.failure()->kind, FailureKind::kTimeout);
  EXPECT_EQ(move.failure()->side, Side::kServer);
}

TEST(Body, AReceiverThatStallsTimesOut) {
  Move move(net::unix_pair(), net::unix_pair());
  const std::string data = random_bytes(3'000'000);
  move.transfer.framing = {BodyKind::kLength, data.size()};
  move.transfer.write_timeout = std::chrono::milliseconds(50);
  move.start();
  std::size_t sent = 0;
  ASSERT_TRUE(net::turn_until(move.reactor, [&] {
    sent += net::send_some(move.sender, std::string_view(data).substr(sent));
    return move.result.has_value();
  }));
  ASSERT_TRUE(move.failure().has_value());
  EXPECT_EQ(move.failure()->kind, FailureKind::kTimeout);
  EXPECT_EQ(move.failure()->side, Side::kClient);
}

TEST(Body, LeavesNoDeadlineBehind) {
  Move move(net::unix_pair(), net::unix_pair());
  move.transfer.framing = {BodyKind::kLength, 4};
  move.transfer.read_timeout = std::chrono::milliseconds(30);
  move.transfer.write_timeout = std::chrono::milliseconds(30);
  move.start();
  net::send_some(move.sender, "body");
  ASSERT_TRUE(move.finish());
  const base::TimePoint later = base::Clock::now() + std::chrono::milliseconds(100);
  ASSERT_TRUE(net::turn_until(move.reactor, [&] { return base::Clock::now() > later; }));
  // Both sockets can be used as before.
  move.result.reset();
  move.transfer.read_timeout = move.transfer.write_timeout = {};
  move.start();
  net::send_some(move.sender, "more");
  ASSERT_TRUE(move.finish());
  EXPECT_TRUE(move.result->has_value());
  EXPECT_EQ(move.received.bytes, "bodymore");
}

}  // namespace
}  // namespace limpet::proxy
