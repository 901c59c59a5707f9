#include "http/chunked.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::http {
namespace {

struct Decoded {
  std::string data;
  std::string trailers;
  std::size_t consumed = 0;
  bool done = false;
  bool failed = false;
};

Decoded decode(std::string_view input, std::size_t piece) {
  Decoded out;
  ChunkedDecoder decoder;
  while (out.consumed < input.size() && !decoder.done()) {
    const auto step = decoder.next(input.substr(out.consumed, piece));
    out.failed = !step;
    if (!step) return out;
    out.consumed += step->consumed;
    out.data += step->data;
  }
  out.done = decoder.done();
  if (out.done) out.trailers = decoder.trailers();
  return out;
}

std::string chunk(std::string_view data) {
  std::array<char, kMaxChunkHeader> header{};
  const std::size_t size = write_chunk_header(header.data(), data.size());
  return std::string(header.data(), size) + std::string(data) + "\r\n";
}

TEST(ChunkedDecoder, ReadsABodyHoweverItIsCut) {
  const std::string body =
      "4\r\nWiki\r\n05;a=\"b\" ;c\r\npedia\r\n0E\t;x\r\n in\r\n\r\nchunks.\r\n000\r\nX-Sum: 7\r\n\r\nNEXT";
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    const Decoded decoded = decode(body, piece);
    EXPECT_TRUE(decoded.done) << piece;
    EXPECT_EQ(decoded.data, "Wikipedia in\r\n\r\nchunks.") << piece;
    EXPECT_EQ(decoded.trailers, "X-Sum: 7\r\n") << piece;
    EXPECT_EQ(body.substr(decoded.consumed), "NEXT") << piece;
  }
}

TEST(ChunkedDecoder, GivesEachRunOfDataAsAView) {
  const std::string body = "3\r\nabc\r\n0\r\n\r\n";
  ChunkedDecoder decoder;
  const auto step = decoder.next(body);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->consumed, 6U);
  EXPECT_EQ(step->data.data(), body.data() + 3);
  EXPECT_FALSE(decoder.done());
  const auto end = decoder.next(std::string_view(body).substr(6));
  ASSERT_TRUE(end);
  EXPECT_TRUE(decoder.done());
  EXPECT_TRUE(end->data.empty());
  const auto nothing = decoder.next("more");
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->consumed, 0U);
}

TEST(ChunkedDecoder, LeavesOutTrailersThatActLikeHeaders) {
  const std::string body =
      "0\r\nHost: evil\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nCookie: a=b\r\nSet-Cookie: "
      "a=b\r\n"
      "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Tls-Client-Cert: x\r\nX-Real-Ip: 1.2.3.4\r\nForwarded: "
      "for=x\r\n"
      "Authorization: x\r\nProxy-Authorization: x\r\nConnection: close\r\nContent-Type: "
      "x\r\nContent-Encoding: gzip\r\n"
      "Cache-Control: no\r\nLocation: /\r\nTrailer: x\r\nUpgrade: x\r\nTE: x\r\nSec-Fetch-Site: "
      "x\r\nIf-Match: x\r\n"
      "Access-Control-Allow-Origin: *\r\nX-Scheme: https\r\nExpect: x\r\n"
      "grpc-status: 0\r\nServer-Timing:  a \r\nDigest: \xe4\r\n\r\n";
  const Decoded decoded = decode(body, body.size());
  ASSERT_TRUE(decoded.done);
  EXPECT_EQ(decoded.trailers, "grpc-status: 0\r\nServer-Timing: a\r\nDigest: \xe4\r\n");
}

TEST(ChunkedDecoder, TakesTheLargestSizeItCanCount) {
  ChunkedDecoder decoder;
  const auto step = decoder.next("fffffffffffffff\r\nabc");
  ASSERT_TRUE(step);
  EXPECT_EQ(step->data, "abc");
  EXPECT_FALSE(decoder.done());
}

TEST(ChunkedDecoder, PutsUpWithExtensionsOnLargeChunks) {
  std::string body;
  for (int i = 0; i < 100; ++i)
    body += "3e8;" + std::string(900, 'a') + "\r\n" + std::string(1000, 'x') + "\r\n";
  const Decoded decoded = decode(body + "0\r\n\r\n", 4096);
  EXPECT_TRUE(decoded.done);
  EXPECT_EQ(decoded.data.size(), 100'000U);
}

TEST(ChunkedDecoder, StartsAnew) {
  ChunkedDecoder decoder;
  ASSERT_TRUE(decoder.next("0\r\nX: a\r\n\r\n"));
  ASSERT_TRUE(decoder.done());
  decoder.reset();
  EXPECT_FALSE(decoder.done());
  EXPECT_EQ(decoder.trailers(), "");
  const auto step = decoder.next("1\r\nx\r\n");
  ASSERT_TRUE(step);
  EXPECT_EQ(step->data, "x");
}

TEST(WriteChunkHeader, WritesHexWithoutZerosInFront) {
  const std::vector<std::pair<std::uint64_t, std::string_view>> headers = {
      {0, "0\r\n"},
      {1, "1\r\n"},
      {15, "f\r\n"},
      {16, "10\r\n"},
      {0x1a2b3c, "1a2b3c\r\n"},
      {0xffffffffffffffffU, "ffffffffffffffff\r\n"}};
  for (const auto& [size, text] : headers) {
    std::array<char, kMaxChunkHeader> out{};
    EXPECT_EQ(std::string_view(out.data(), write_chunk_header(out.data(), size)), text);
  }
}

RC_GTEST_PROP(ChunkedProperty, WhatIsWrittenIsReadBack, (const std::vector<std::string>& parts)) {
  std::string body;
  std::string data;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    body += chunk(part);
    data += part;
  }
  body += "0\r\n\r\n";
  const std::size_t piece = *rc::gen::inRange<std::size_t>(1, body.size() + 1);
  const Decoded decoded = decode(body, piece);
  RC_ASSERT(decoded.done);
  RC_ASSERT(decoded.data == data);
  RC_ASSERT(decoded.consumed == body.size());
}

}  // namespace
}  // namespace limpet::http
