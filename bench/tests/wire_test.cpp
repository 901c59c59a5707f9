#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/histogram.h"
#include "wire/http_head.h"
#include "wire/stamp.h"
#include "wire/websocket.h"

namespace limpet::bench {
namespace {

/// Collects the payloads of all frames, and checks the order of calls.
struct Collector {
  std::vector<std::string> payloads;
  bool open = false;

  void begin(const FrameHeader&) {
    EXPECT_FALSE(open);
    open = true;
    payloads.emplace_back();
  }
  void payload(std::span<char> piece, std::uint64_t offset) {
    EXPECT_EQ(offset, payloads.back().size());
    payloads.back().append(piece.data(), piece.size());
  }
  void end(const FrameHeader& header) {
    EXPECT_EQ(header.length, payloads.back().size());
    open = false;
  }
};

std::string masked_frame(const std::string& payload) {
  const std::array<std::uint8_t, 4> mask = {0x12, 0x80, 0xff, 0x07};
  std::string bytes;
  append_header(bytes, {.masked = true, .mask = mask, .length = payload.size()});
  auto body = payload;
  apply_mask(body, mask, 0);
  return bytes + body;
}

TEST(FrameReader, GivesTheSameMessagesHoweverTheStreamIsCut) {
  const std::vector<std::string> messages = {"", "short", std::string(300, 'm'), std::string(70'000, 'l')};
  std::string stream;
  for (const auto& message : messages) stream += masked_frame(message);
  for (std::size_t piece = 1; piece < 40; ++piece) {
    FrameReader reader;
    Collector collector;
    auto bytes = stream;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      ASSERT_TRUE(reader.feed(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)), collector));
    EXPECT_EQ(collector.payloads, messages) << "pieces of " << piece;
  }
}

TEST(FrameReader, RefusesReservedBitsAndFragmentedControlFrames) {
  for (std::string bytes :
       {std::string("\xc2\x00", 2), std::string("\x08\x00", 2), std::string("\x89\x7e\x00\x7e", 4)}) {
    FrameReader reader;
    Collector collector;
    EXPECT_FALSE(reader.feed(bytes, collector));
  }
}

TEST(Handshake, AcceptKeyIsThatOfRfc6455) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(websocket_key(7).size(), 24U);
  EXPECT_NE(websocket_key(7), websocket_key(8));
}

TEST(Payload, PatternIsFoundAtItsOffsetOnly) {
  std::string payload;
  append_payload(payload, {.sent_ns = 42, .sequence = 7}, 200'000);
  ASSERT_EQ(payload.size(), 200'000U);
  const auto stamp = read_stamp(std::span<const char, kStampSize>(payload.data(), kStampSize));
  EXPECT_EQ(stamp.sent_ns, 42);
  EXPECT_EQ(stamp.sequence, 7U);
  EXPECT_TRUE(matches_pattern(std::span(payload).subspan(kStampSize), kStampSize));
  EXPECT_TRUE(matches_pattern(std::span(payload).subspan(65'537, 90'000), 65'537));
  EXPECT_FALSE(matches_pattern(std::span(payload).subspan(65'537, 90'000), 65'538));
}

TEST(Histogram, PercentilesAreAtMostOneBucketTooHigh) {
  Histogram histogram;
  for (std::int64_t value = 1; value <= 100'000; ++value) histogram.record(value);
  for (const double share : {0.01, 0.5, 0.99, 0.999}) {
    const double exact = share * 100'000;
    const auto found = static_cast<double>(histogram.percentile(share));
    EXPECT_GE(found, exact);
    EXPECT_LE(found, exact * 1.016);
  }
  EXPECT_EQ(histogram.percentile(1), 100'000U);
  EXPECT_EQ(Histogram{}.percentile(0.5), 0U);
}

TEST(HttpHead, FieldsAreFoundWithoutCaseAndTokensOneByOne) {
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nCONTENT-Length:  12 \r\nConnection: keep-alive, Close\r\n\r\nhello";
  const auto head = complete_head(bytes);
  ASSERT_TRUE(head);
  EXPECT_EQ(status_of(*head), 200);
  EXPECT_EQ(content_length(*head), 12U);
  EXPECT_TRUE(has_token(*head, "connection", "close"));
  EXPECT_FALSE(has_token(*head, "connection", "upgrade"));
  EXPECT_FALSE(field_value(*head, "hello"));
  EXPECT_FALSE(complete_head("HTTP/1.1 200 OK\r\n"));
}

}  // namespace
}  // namespace limpet::bench
