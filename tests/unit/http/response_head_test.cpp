#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"

namespace limpet::http {
namespace {

struct Parsed {
  std::string text;
  ResponseHead head;
  std::size_t size = 0;
};

Parsed parse(std::string text, Method method = Method::kGet) {
  Parsed parsed{.text = std::move(text), .head = {}, .size = 0};
  const auto size = parse_response_head(parsed.text, {}, method, parsed.head);
  EXPECT_TRUE(size) << parsed.text << "\n" << (size ? "" : size.error().reason);
  parsed.size = size.value_or(0);
  EXPECT_GT(parsed.size, 0U);
  return parsed;
}

Parsed answer(std::string_view status, std::string_view fields, Method method = Method::kGet) {
  return parse("HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) + "\r\n", method);
}

TEST(ResponseHead, ReadsAnOrdinaryAnswer) {
  const Parsed parsed = parse("HTTP/1.1 404 Not  Found\r\nContent-Length: 3\r\nServer: s\r\n\r\nabc");
  EXPECT_EQ(parsed.size, parsed.text.size() - 3);
  EXPECT_EQ(parsed.head.status, 404);
  EXPECT_EQ(parsed.head.reason, "Not  Found");
  EXPECT_EQ(parsed.head.framing.kind, BodyKind::kLength);
  EXPECT_EQ(parsed.head.framing.length, 3U);
  EXPECT_TRUE(parsed.head.keep_alive);
  EXPECT_EQ(parsed.head.find(FieldId::kServer), "s");
  EXPECT_EQ(parsed.head.find("server"), "s");
}

TEST(ResponseHead, NeedsNoReason) {
  EXPECT_EQ(answer("200 ", "").head.reason, "");
  EXPECT_EQ(answer("200", "").head.reason, "");
  EXPECT_EQ(answer("200 gr\xfc\xdf"
                   "e",
                   "")
                .head.reason,
            "gr\xfc\xdf"
            "e");
  EXPECT_EQ(answer("999 x", "").head.status, 999);
}

TEST(ResponseHead, DecidesFraming) {
  EXPECT_EQ(answer("200 OK", "Transfer-Encoding: CHUNKED\r\n").head.framing.kind, BodyKind::kChunked);
  const Parsed until_close = answer("200 OK", "");
  EXPECT_EQ(until_close.head.framing.kind, BodyKind::kUntilClose);
  EXPECT_FALSE(until_close.head.keep_alive);
  for (const std::string_view status :
       {"100 Continue", "103 Early Hints", "204 No Content", "304 Not Modified"}) {
    EXPECT_EQ(answer(status, "").head.framing.kind, BodyKind::kNone) << status;
    EXPECT_TRUE(answer(status, "").head.keep_alive) << status;
  }
  EXPECT_EQ(answer("200 OK", "Content-Length: 5\r\n", Method::kHead).head.framing.kind, BodyKind::kNone);
  EXPECT_EQ(answer("200 OK", "Transfer-Encoding: chunked\r\n", Method::kHead).head.framing.kind,
            BodyKind::kNone);
  EXPECT_TRUE(answer("200 OK", "Content-Length: 5\r\n", Method::kHead).head.keep_alive);
  EXPECT_TRUE(answer("304 Not Modified", "Content-Length: 5\r\n").head.keep_alive);
  EXPECT_EQ(answer("205 Reset Content", "Content-Length: 0\r\n").head.framing.kind, BodyKind::kLength);
}

TEST(ResponseHead, DoesNotReuseAConnectionAfterABodyWhereThereIsNone) {
  const Parsed no_content = answer("204 No Content", "Content-Length: 5\r\n");
  EXPECT_EQ(no_content.head.framing.kind, BodyKind::kNone);
  EXPECT_FALSE(no_content.head.keep_alive);
  EXPECT_TRUE(answer("204 No Content", "Content-Length: 0\r\n").head.keep_alive);
  EXPECT_FALSE(answer("204 No Content", "Transfer-Encoding: chunked\r\n").head.keep_alive);
}

TEST(ResponseHead, DecidesKeepAlive) {
  constexpr std::string_view kEnd = "Content-Length: 0\r\n\r\n";
  const auto keeps = [&](std::string_view text) {
    return parse(std::string(text) + std::string(kEnd)).head.keep_alive;
  };
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"));
}

TEST(ResponseHead, RecognisesAnUpgrade) {
  const Parsed upgraded = answer("101 Switching Protocols", "Connection: Upgrade\r\nUpgrade: websocket\r\n");
  EXPECT_TRUE(upgraded.head.upgrade);
  EXPECT_EQ(upgraded.head.framing.kind, BodyKind::kNone);
  EXPECT_FALSE(answer("101 Switching Protocols", "Upgrade: websocket\r\n").head.upgrade);
  EXPECT_FALSE(answer("101 Switching Protocols", "Connection: Upgrade\r\n").head.upgrade);
  EXPECT_FALSE(answer("200 OK", "Connection: Upgrade\r\nUpgrade: websocket\r\n").head.upgrade);
}

TEST(ResponseHead, IsRefusedWhenMalformed) {
  const std::vector<std::string> texts = {
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
      "HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
      "HTTP/1.1 200 OK\r\n: a\r\n\r\n",
      "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
      std::string("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", 25),
      "HTTP/1.1 200 OK\r\n\rX",
      "HTTP/1.1 200 O\x01K\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.2 200 OK\r\n\r\n",
      "HTTP/0.9 200 OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1 20 OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 099 OK\r\n\r\n",
      "HTTP/1.1 2x0 OK\r\n\r\n",
      "HTTP/1.1\r\n\r\n",
      "HTTP/1.1 \r\n\r\n",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      "ICY 200 OK\r\n\r\n",
      "<html>",
      "\x15\x03\x01",
      "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a'),
  };
  for (const std::string& text : texts) {
    ResponseHead head;
    const auto size = parse_response_head(text, {}, Method::kGet, head);
    ASSERT_FALSE(size) << text.substr(0, 100);
    EXPECT_EQ(size.error().status, 502) << text.substr(0, 100);
    EXPECT_FALSE(size.error().reason.empty());
  }
}

TEST(ResponseHead, IsIncompleteUpToItsLastByte) {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX:\r\n\r\n";
  ResponseHead head;
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(parse_response_head(std::string_view(text).substr(0, size), {}, Method::kGet, head), 0U)
        << size;
  }
  EXPECT_EQ(parse_response_head(text, {}, Method::kGet, head), text.size());
}

}  // namespace
}  // namespace limpet::http
