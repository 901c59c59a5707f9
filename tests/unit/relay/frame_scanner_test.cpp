#include "relay/frame_scanner.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "unit/relay/websocket_frames.h"

namespace limpet::relay {
namespace {

/// How many data messages have ended and whether a frame has, after every byte of `bytes`.
struct Expected {
  std::vector<std::uint32_t> messages;
  std::vector<bool> boundary;
};

/// The same by taking whole frames off the front.
Expected expected_of(std::string_view bytes) {
  Expected expected;
  expected.messages.assign(bytes.size() + 1, 0);
  expected.boundary.assign(bytes.size() + 1, false);
  expected.boundary[0] = true;
  std::string_view rest = bytes;
  std::uint32_t messages = 0;
  while (const auto frame = take_frame(rest)) {
    const std::size_t end = bytes.size() - rest.size();
    if (frame->fin && frame->opcode < 8) ++messages;
    expected.boundary[end] = true;
    for (std::size_t i = end; i <= bytes.size(); ++i) expected.messages[i] = messages;
  }
  return expected;
}

TEST(FrameScanner, CountsWhatEndsAMessage) {
  FrameScanner scanner;
  EXPECT_TRUE(scanner.at_boundary());
  EXPECT_EQ(scanner.scan(encode({.payload = "whole"})), 1U);
  EXPECT_EQ(scanner.scan(encode({.opcode = 2, .masked = true, .payload = ""})), 1U);
  EXPECT_EQ(scanner.scan(encode({.fin = false, .opcode = 2, .payload = "begin"})), 0U);
  EXPECT_EQ(scanner.scan(encode({.opcode = 9, .payload = "ping within"})), 0U);
  EXPECT_EQ(scanner.scan(encode({.fin = false, .opcode = 0, .payload = "middle"})), 0U);
  EXPECT_EQ(scanner.scan(encode({.opcode = 0, .payload = "end"})), 1U);
  EXPECT_EQ(scanner.scan(encode({.opcode = 10})), 0U);
  EXPECT_EQ(scanner.scan(encode({.opcode = 8, .masked = true, .payload = "\x03\xe8"})), 0U);
  EXPECT_TRUE(scanner.at_boundary());
}

TEST(FrameScanner, SeesACloseOnceItIsWhole) {
  FrameScanner scanner;
  scanner.scan(encode({.opcode = 9, .payload = "ping"}));
  EXPECT_FALSE(scanner.saw_close());
  const std::string close = encode({.opcode = 8, .masked = true, .payload = "\x03\xe8"});
  scanner.scan(std::string_view(close).substr(0, close.size() - 1));
  EXPECT_FALSE(scanner.saw_close());
  scanner.scan(std::string_view(close).substr(close.size() - 1));
  EXPECT_TRUE(scanner.saw_close());
}

TEST(FrameScanner, CountsSeveralMessagesInOneRun) {
  std::string bytes;
  for (std::size_t i = 0; i < 1000; ++i)
    bytes += encode({.masked = i % 2 == 0, .payload = std::string(i % 300, 'x')});
  FrameScanner scanner;
  EXPECT_EQ(scanner.scan(bytes), 1000U);
}

TEST(FrameScanner, ReadsEveryFormOfALength) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U, 100'000U}) {
    for (const int length_bytes : {0, 2, 8}) {
      if (length_bytes == 2 && size > 65535) continue;
      for (const bool masked : {false, true}) {
        FrameScanner scanner;
        const std::string bytes =
            encode({.masked = masked, .payload = std::string(size, 'x'), .length_bytes = length_bytes});
        EXPECT_EQ(scanner.scan(std::string_view(bytes).substr(0, bytes.size() - 1)), 0U) << size;
        EXPECT_FALSE(scanner.at_boundary());
        EXPECT_EQ(scanner.scan(std::string_view(bytes).substr(bytes.size() - 1)), 1U) << size;
        EXPECT_TRUE(scanner.at_boundary());
      }
    }
  }
}

TEST(FrameScanner, FollowsAFrameOfImpossibleLength) {
  FrameScanner scanner;
  EXPECT_EQ(scanner.scan(std::string("\x82\x7f") + std::string(8, '\xff')), 0U);
  EXPECT_EQ(scanner.scan(std::string(1'000'000, 'x')), 0U);
  EXPECT_FALSE(scanner.at_boundary());
  EXPECT_EQ(scanner.bytes_to_boundary(std::string_view("more")), 4U);
}

TEST(FrameScanner, KnowsHowFarTheFrameUnderWayGoes) {
  const std::string first = encode({.fin = false, .payload = "abcdef"});
  const std::string bytes = first + encode({.opcode = 0, .payload = "ghi"});
  for (std::size_t seen = 0; seen <= bytes.size(); ++seen) {
    FrameScanner scanner;
    scanner.scan(std::string_view(bytes).substr(0, seen));
    const std::size_t end = seen == 0 || seen == first.size() ? seen
                            : seen < first.size()             ? first.size()
                                                              : bytes.size();
    EXPECT_EQ(scanner.bytes_to_boundary(std::string_view(bytes).substr(seen)), end - seen) << seen;
    EXPECT_EQ(scanner.at_boundary(), end == seen);
  }
}

rc::Gen<Frame> any_frame() {
  const auto size = rc::gen::weightedOneOf<std::size_t>({{6, rc::gen::inRange<std::size_t>(0, 20)},
                                                         {2, rc::gen::inRange<std::size_t>(120, 135)},
                                                         {1, rc::gen::inRange<std::size_t>(65'530, 65'540)}});
  return rc::gen::apply(
      [](bool fin, int opcode, bool masked, std::size_t length, int form) {
        Frame frame;
        frame.fin = fin;
        frame.opcode = static_cast<std::uint8_t>(opcode);
        frame.masked = masked;
        frame.payload.assign(length, 'p');
        frame.length_bytes = form == 2 && length > 65'535 ? 8 : form;
        if (form == 0 || (length >= 126 && form == 2)) frame.length_bytes = 0;
        return frame;
      },
      rc::gen::arbitrary<bool>(), rc::gen::inRange(0, 16), rc::gen::arbitrary<bool>(), size,
      rc::gen::element(0, 2, 8));
}

RC_GTEST_PROP(FrameScannerProperty, CountsLikeAPlainParser, ()) {
  std::string bytes;
  std::uint32_t messages = 0;
  for (const Frame& frame : *rc::gen::container<std::vector<Frame>>(any_frame())) {
    bytes += encode(frame);
    messages += frame.fin && frame.opcode < 8 ? 1 : 0;
  }
  FrameScanner whole;
  RC_ASSERT(whole.scan(bytes) == messages);
  RC_ASSERT(whole.at_boundary());

  FrameScanner pieces;
  std::uint32_t counted = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = *rc::gen::weightedOneOf<std::size_t>(
        {{3, rc::gen::inRange<std::size_t>(1, 10)}, {1, rc::gen::inRange<std::size_t>(1, 200'000)}});
    const std::string_view piece = std::string_view(bytes).substr(at, size);
    counted += pieces.scan(piece);
    at += piece.size();
  }
  RC_ASSERT(counted == messages);
}

RC_GTEST_PROP(FrameScannerProperty, SeesTheSameWhereverTheBytesAreSplit, ()) {
  std::string bytes;
  for (int frames = *rc::gen::inRange(1, 4); frames > 0; --frames) {
    Frame frame = *any_frame();
    if (frame.payload.size() > 1000) frame.payload.resize(300);
    bytes += encode(frame);
  }
  const Expected expected = expected_of(bytes);
  for (std::size_t split = 0; split <= bytes.size(); ++split) {
    FrameScanner scanner;
    const std::string_view first = std::string_view(bytes).substr(0, split);
    const std::string_view second = std::string_view(bytes).substr(split);
    RC_ASSERT(scanner.scan(first) == expected.messages[split]);
    RC_ASSERT(scanner.at_boundary() == expected.boundary[split]);
    const std::size_t to_boundary = scanner.bytes_to_boundary(second);
    RC_ASSERT(expected.boundary[split + to_boundary]);
    for (std::size_t i = split; i < split + to_boundary; ++i) RC_ASSERT(!expected.boundary[i]);
    RC_ASSERT(scanner.scan(second) == expected.messages.back() - expected.messages[split]);
    RC_ASSERT(scanner.at_boundary());
  }
}

RC_GTEST_PROP(FrameScannerProperty, FollowsAnyBytes, (const std::string& bytes)) {
  const Expected expected = expected_of(bytes);
  FrameScanner scanner;
  std::uint32_t messages = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    messages += scanner.scan(std::string_view(bytes).substr(i, 1));
    RC_ASSERT(messages == expected.messages[i + 1]);
    RC_ASSERT(scanner.at_boundary() == expected.boundary[i + 1]);
  }
}

}  // namespace
}  // namespace limpet::relay
