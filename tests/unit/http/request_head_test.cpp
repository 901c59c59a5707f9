#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "http/head.h"
#include "http/head_writer.h"

namespace limpet::http {
namespace {

// A head and the bytes its views point into.
struct Parsed {
  std::string text;
  RequestHead head;
  std::size_t size = 0;
};

Parsed parse(std::string text, const HeadLimits& limits = {}) {
  Parsed parsed{.text = std::move(text), .head = {}, .size = 0};
  const auto size = parse_request_head(parsed.text, limits, parsed.head);
  EXPECT_TRUE(size) << parsed.text << "\n" << (size ? "" : size.error().reason);
  parsed.size = size.value_or(0);
  EXPECT_GT(parsed.size, 0U) << parsed.text;
  return parsed;
}

int refused_with(std::string_view text, const HeadLimits& limits = {}) {
  RequestHead head;
  const auto size = parse_request_head(text, limits, head);
  return size ? 0 : size.error().status;
}

std::string with_host(std::string_view line, std::string_view fields = "") {
  return std::string(line) + "\r\nHost: a.example\r\n" + std::string(fields) + "\r\n";
}

constexpr std::string_view kUpgradeFields =
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n";

TEST(RequestHead, ReadsAnOrdinaryRequest) {
  const Parsed parsed = parse(
      "GET /chat/42?sid=abc&x HTTP/1.1\r\nHost: chat.example:8080\r\nUser-Agent:Agent/1 \t\r\nX-Empty:\r\n"
      "x-latin: caf\xe9\r\n\r\nrest");
  const RequestHead& head = parsed.head;
  EXPECT_EQ(parsed.size, parsed.text.size() - 4);
  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.method_text, "GET");
  EXPECT_EQ(head.target, "/chat/42?sid=abc&x");
  EXPECT_EQ(head.path, "/chat/42");
  EXPECT_EQ(head.query, "sid=abc&x");
  EXPECT_EQ(head.host, "chat.example:8080");
  EXPECT_EQ(head.minor_version, 1);
  EXPECT_EQ(head.framing.kind, BodyKind::kNone);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.upgrade);
  ASSERT_EQ(head.fields.size(), 4U);
  EXPECT_EQ(head.find(FieldId::kUserAgent), "Agent/1");
  EXPECT_EQ(head.find("X-EMPTY"), "");
  EXPECT_EQ(head.find("X-Latin"), "caf\xe9");
  EXPECT_EQ(head.find(FieldId::kCookie), std::nullopt);
  EXPECT_EQ(head.find("X-None"), std::nullopt);
}

TEST(RequestHead, KnowsMethodsByTheirExactName) {
  const std::vector<std::pair<std::string_view, Method>> methods = {
      {"GET", Method::kGet},        {"HEAD", Method::kHead},      {"POST", Method::kPost},
      {"PUT", Method::kPut},        {"DELETE", Method::kDelete},  {"OPTIONS", Method::kOptions},
      {"TRACE", Method::kTrace},    {"PATCH", Method::kPatch},    {"get", Method::kOther},
      {"PROPFIND", Method::kOther}, {"M-SEARCH", Method::kOther}, {"X!#$%&'*+-.^_`|~", Method::kOther}};
  for (const auto& [text, method] : methods) {
    const Parsed parsed = parse(with_host(std::string(text) + " / HTTP/1.1"));
    EXPECT_EQ(parsed.head.method, method) << text;
    EXPECT_EQ(parsed.head.method_text, text);
  }
}

TEST(RequestHead, SplitsAnAbsoluteTargetWhichWinsOverHost) {
  const Parsed parsed = parse(with_host("GET HTTP://b.example:81/p?q HTTP/1.1"));
  EXPECT_EQ(parsed.head.host, "b.example:81");
  EXPECT_EQ(parsed.head.target, "/p?q");
  EXPECT_EQ(parsed.head.path, "/p");
  EXPECT_EQ(parsed.head.query, "q");
  EXPECT_EQ(parsed.head.find(FieldId::kHost), "b.example:81");
  EXPECT_EQ(parse(with_host("GET https://b.example HTTP/1.1")).head.target, "/");
  EXPECT_EQ(parse(with_host("OPTIONS http://b.example HTTP/1.1")).head.target, "*");
  EXPECT_EQ(parse("GET http://b.example/ HTTP/1.0\r\n\r\n").head.host, "b.example");
}

TEST(RequestHead, TakesTheAsteriskWithOptions) {
  const Parsed parsed = parse(with_host("OPTIONS * HTTP/1.1"));
  EXPECT_EQ(parsed.head.target, "*");
  EXPECT_EQ(parsed.head.path, "*");
}

TEST(RequestHead, KeepsTargetsAsTheyAreSent) {
  for (const std::string_view target :
       {"//a", "/../a", "/%2e%2E", "/a?b?c", "/?", "/a|b^c{d}\"e\"<f>", "/\\", "/%zz"}) {
    EXPECT_EQ(parse(with_host("GET " + std::string(target) + " HTTP/1.1")).head.target, target);
  }
}

TEST(RequestHead, AcceptsHosts) {
  for (const std::string_view host :
       {"a", "a.example", "a.example:1", "A-b_c~d.example.", "127.0.0.1:65535", "[::1]", "[::1]:80",
        "[2001:db8::7334]", "[::ffff:192.0.2.1]:443", "xn--bcher-kva.example"}) {
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").head.host, host);
  }
}

TEST(RequestHead, DecidesFraming) {
  EXPECT_EQ(parse(with_host("POST / HTTP/1.1")).head.framing.kind, BodyKind::kNone);
  const Parsed length = parse(with_host("POST / HTTP/1.1", "Content-Length: 0042\r\n"));
  EXPECT_EQ(length.head.framing.kind, BodyKind::kLength);
  EXPECT_EQ(length.head.framing.length, 42U);
  const Parsed zero = parse(with_host("POST / HTTP/1.1", "Content-Length: 0\r\n"));
  EXPECT_EQ(zero.head.framing.kind, BodyKind::kLength);
  EXPECT_EQ(zero.head.framing.length, 0U);
  const Parsed largest = parse(with_host("POST / HTTP/1.1", "Content-Length: 9223372036854775807\r\n"));
  EXPECT_EQ(largest.head.framing.length, 9223372036854775807U);
  for (const std::string_view value : {"chunked", "Chunked", " chunked\t"}) {
    const Parsed chunked =
        parse(with_host("POST / HTTP/1.1", "Transfer-Encoding:" + std::string(value) + "\r\n"));
    EXPECT_EQ(chunked.head.framing.kind, BodyKind::kChunked) << value;
  }
}

TEST(RequestHead, DecidesKeepAlive) {
  const auto keeps = [](std::string_view version, std::string_view fields) {
    return parse(with_host("GET / " + std::string(version), fields)).head.keep_alive;
  };
  EXPECT_TRUE(keeps("HTTP/1.1", ""));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: x , CLOSE\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.1", "Connection: closed\r\n"));
  EXPECT_TRUE(keeps("HTTP/1.1", "Proxy-Connection: close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", ""));
  EXPECT_TRUE(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST(RequestHead, RecognisesAnUpgrade) {
  const Parsed websocket = parse(with_host("GET / HTTP/1.1", kUpgradeFields));
  EXPECT_TRUE(websocket.head.upgrade);
  EXPECT_TRUE(websocket.head.websocket);
  const Parsed listed =
      parse(with_host("GET / HTTP/1.1", "connection: UPGRADE\r\nupgrade: h2c, WebSocket\r\n"));
  EXPECT_TRUE(listed.head.websocket);
  const Parsed empty_body =
      parse(with_host("GET / HTTP/1.1", std::string(kUpgradeFields) + "Content-Length: 0\r\n"));
  EXPECT_TRUE(empty_body.head.websocket);
  const Parsed other = parse(with_host("GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n"));
  EXPECT_TRUE(other.head.upgrade);
  EXPECT_FALSE(other.head.websocket);
  EXPECT_FALSE(parse(with_host("POST / HTTP/1.1", kUpgradeFields)).head.websocket);
  EXPECT_FALSE(parse(with_host("GET / HTTP/1.0", kUpgradeFields)).head.upgrade);
  EXPECT_FALSE(parse(with_host("GET / HTTP/1.1", "Upgrade: websocket\r\n")).head.upgrade);
  EXPECT_FALSE(parse(with_host("GET / HTTP/1.1", "Connection: Upgrade\r\n")).head.upgrade);
  EXPECT_FALSE(parse(with_host("GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade:\r\n")).head.upgrade);
}

TEST(RequestHead, HearsExpectContinueOnlyBeforeABody) {
  const auto expects = [](std::string_view version, std::string_view fields) {
    return parse(with_host("POST / " + std::string(version), fields)).head.expect_continue;
  };
  EXPECT_TRUE(expects("HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 1\r\n"));
  EXPECT_TRUE(expects("HTTP/1.1", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n"));
  EXPECT_FALSE(expects("HTTP/1.1", "Expect: 100-continue\r\n"));
  EXPECT_FALSE(expects("HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 1\r\n"));
}

TEST(RequestHead, NeedsNoHostOnHttp10) {
  const Parsed parsed = parse("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(parsed.head.host, "");
  EXPECT_EQ(parsed.head.minor_version, 0);
}

TEST(RequestHead, SkipsAFewEmptyLinesBefore) {
  const std::string request = with_host("GET / HTTP/1.1");
  EXPECT_EQ(parse("\r\n\r\n\r\n\r\n" + request).size, request.size() + 8);
}

TEST(RequestHead, KeepsToItsLimits) {
  const std::string request =
      with_host("GET /" + std::string(100, 'a') + " HTTP/1.1", "X: " + std::string(100, 'b') + "\r\n");
  EXPECT_EQ(parse(request, {.max_bytes = request.size()}).size, request.size());
  EXPECT_EQ(refused_with(request, {.max_bytes = request.size() - 1}), 431);
  EXPECT_EQ(refused_with(request, {.max_bytes = 50}), 414);
  EXPECT_EQ(refused_with(request.substr(0, 50), {.max_bytes = 50}), 414);
  EXPECT_EQ(refused_with(request.substr(0, 49), {.max_bytes = 50}), 0);
  EXPECT_EQ(parse(request, {.max_target = 101}).size, request.size());
  EXPECT_EQ(refused_with(request, {.max_target = 100}), 414);
  EXPECT_EQ(refused_with("GET /" + std::string(100, 'a'), {.max_target = 100}), 414);
  EXPECT_EQ(parse(request, {.max_fields = 2}).size, request.size());
  EXPECT_EQ(refused_with(request, {.max_fields = 1}), 431);
}

TEST(RequestHead, RefusesHugeHeadsOfEveryShape) {
  EXPECT_EQ(refused_with(with_host("GET /" + std::string(40'000, 'a') + " HTTP/1.1")), 414);
  EXPECT_EQ(refused_with(with_host("GET / HTTP/1.1", "X: " + std::string(70'000, 'a') + "\r\n")), 431);
  EXPECT_EQ(refused_with(with_host("GET / HTTP/1.1", std::string(70'000, 'a') + ": x\r\n")), 431);
  EXPECT_EQ(refused_with("GET / HTTP/1.1\r\n" + std::string(70'000, 'a')), 431);
  EXPECT_EQ(refused_with("GET /" + std::string(40'000, 'a')), 414);
  EXPECT_EQ(refused_with(std::string(70'000, 'a')), 501);
}

TEST(RequestHead, RefusesWhatIsNoHttpByItsFirstByte) {
  for (const std::string_view first :
       {std::string_view("\x16"), std::string_view("\0", 1), std::string_view("\x80"), std::string_view(" "),
        std::string_view("\n"), std::string_view("{")}) {
    EXPECT_EQ(refused_with(first), 400);
  }
}

TEST(RequestHead, ForgetsTheLastRequest) {
  RequestHead head;
  const std::string first =
      with_host("GET http://b.example/p?q HTTP/1.1", "Content-Length: 3\r\nConnection: close\r\n");
  ASSERT_EQ(parse_request_head(first, {}, head), first.size());
  const std::string second = "HEAD /x HTTP/1.0\r\n\r\n";
  ASSERT_EQ(parse_request_head(second, {}, head), second.size());
  EXPECT_EQ(head.host, "");
  EXPECT_EQ(head.query, "");
  EXPECT_TRUE(head.fields.empty());
  EXPECT_EQ(head.framing.kind, BodyKind::kNone);
}

TEST(RequestHead, IsWorthParsingAgainAfterALineEnd) {
  const std::string text = "GET / HTTP/1.1\r\nHost: a";
  EXPECT_TRUE(worth_parsing_again(text, 0, {}));
  EXPECT_TRUE(worth_parsing_again(text, 15, {}));
  EXPECT_FALSE(worth_parsing_again(text, 16, {}));
  EXPECT_TRUE(worth_parsing_again(text, 16, {.max_bytes = text.size()}));
}

TEST(HopByHop, IsWhatRfc9110SaysAndWhatConnectionNames) {
  const Parsed parsed = parse(with_host("GET / HTTP/1.1",
                                        "Connection: keep-alive, X-Mine\r\nConnection: Upgrade "
                                        ",x-other\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n"
                                        "TE: trailers\r\nTrailer: X\r\nUpgrade: "
                                        "websocket\r\nProxy-Authorization: x\r\nX-Mine: 1\r\nX-Other: 1\r\n"
                                        "X-Keep: 1\r\nAccept: x\r\n"));
  std::vector<std::string> kept;
  for (const Field& field : parsed.head.fields) {
    if (!is_hop_by_hop(field, parsed.head.fields)) kept.emplace_back(field.name);
  }
  EXPECT_EQ(kept, (std::vector<std::string>{"Host", "X-Keep", "Accept"}));
}

TEST(HopByHop, ConnectionCannotStripWhatServersRelyOn) {
  const std::vector<std::string> names = {"Host",
                                          "Cookie",
                                          "Authorization",
                                          "Content-Length",
                                          "X-Forwarded-For",
                                          "X-Forwarded-Tls-Client-Cert",
                                          "Origin",
                                          "Via",
                                          "X-Real-Ip",
                                          "X-Forwarded-Host",
                                          "Sec-WebSocket-Key",
                                          "Forwarded"};
  for (const std::string& name : names) {
    const Field connection{.name = "Connection", .value = name, .id = FieldId::kConnection};
    const Field field{.name = name, .value = "x", .id = field_id(name)};
    EXPECT_FALSE(is_hop_by_hop(field, {connection, field})) << name;
  }
}

TEST(FieldId, IgnoresCase) {
  EXPECT_EQ(field_id("host"), FieldId::kHost);
  EXPECT_EQ(field_id("HOST"), FieldId::kHost);
  EXPECT_EQ(field_id("te"), FieldId::kTe);
  EXPECT_EQ(field_id("Via"), FieldId::kVia);
  EXPECT_EQ(field_id("Transfer-Encoding"), FieldId::kTransferEncoding);
  EXPECT_EQ(field_id("sec-WEBSOCKET-extensions"), FieldId::kSecWebsocketExtensions);
  for (const std::string_view name : {"", "t", "Hosts", "ost", "X-Forwarded-Foo", "Transfer_Encoding",
                                      "Content\rLength", "Transfer-EncodinG\x80"}) {
    EXPECT_EQ(field_id(name), FieldId::kOther) << name;
  }
}

// Texts that are nearly requests: made of the pieces that matter, in any order.
rc::Gen<std::string> near_requests() {
  const auto piece = rc::gen::elementOf(std::vector<std::string>{"GET / HTTP/1.1\r\n",
                                                                 "POST /a?b HTTP/1.0\r\n",
                                                                 "OPTIONS * HTTP/1.1\r\n",
                                                                 "GET http://b/ HTTP/1.1\r\n",
                                                                 "CONNECT a:1 HTTP/1.1\r\n",
                                                                 "GET / HTTP/2.0\r\n",
                                                                 "Host: a\r\n",
                                                                 "Host: b:1\r\n",
                                                                 "Content-Length: 5\r\n",
                                                                 "Transfer-Encoding: chunked\r\n",
                                                                 "Connection: close\r\n",
                                                                 "Connection: Upgrade\r\n",
                                                                 "Upgrade: websocket\r\n",
                                                                 "Expect: 100-continue\r\n",
                                                                 "X-Any: some value\r\n",
                                                                 "X\t: a\r\n",
                                                                 " folded\r\n",
                                                                 "\r\n",
                                                                 "\r",
                                                                 "\n",
                                                                 " ",
                                                                 ":",
                                                                 "a",
                                                                 "\t",
                                                                 std::string(1, '\0'),
                                                                 "\xff"});
  const auto start = rc::gen::elementOf(
      std::vector<std::string>{"", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\nGET /x HTTP/1.1\r\n"});
  return rc::gen::map(rc::gen::pair(start, rc::gen::container<std::vector<std::string>>(piece)),
                      [](const auto& parts) {
                        std::string text = parts.first;
                        for (const std::string& part : parts.second) text += part;
                        return text;
                      });
}

RC_GTEST_PROP(RequestHeadProperty, VerdictIsTheSameByteByByte, ()) {
  const std::string text = *near_requests();
  const HeadLimits limits{
      .max_bytes = *rc::gen::inRange<std::size_t>(20, 300), .max_fields = 5, .max_target = 30};
  RequestHead whole;
  const auto at_once = parse_request_head(text, limits, whole);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    RequestHead head;
    const auto so_far = parse_request_head(std::string_view(text).substr(0, size), limits, head);
    if (so_far && *so_far == 0) continue;
    RC_ASSERT(so_far.has_value() == at_once.has_value());
    if (so_far) {
      RC_ASSERT(*so_far == *at_once);
      RC_ASSERT(head.fields.size() == whole.fields.size());
    } else {
      RC_ASSERT(so_far.error().status == at_once.error().status);
    }
    return;
  }
  RC_ASSERT(at_once.has_value());
  RC_ASSERT(*at_once == 0U);
}

std::string serialise(const RequestHead& head) {
  std::string out;
  HeadWriter writer(out);
  writer.request_line(head.method_text, head.target);
  for (const Field& field : head.fields) writer.field(field.name, field.value);
  writer.end();
  return out;
}

RC_GTEST_PROP(RequestHeadProperty, WhatIsWrittenIsReadBackTheSame, ()) {
  const auto text_of = [](const std::string& alphabet, int min) {
    return rc::gen::suchThat(
        rc::gen::container<std::string>(rc::gen::elementOf(alphabet)),
        [min](const std::string& s) { return static_cast<int>(s.size()) >= min && s.size() < 30; });
  };
  const std::string name = *text_of("abcXYZ-_09!~", 1);
  const std::string value = *text_of("abc XYZ\t\x80\xff,;=\"", 0);
  const std::string path = *text_of("abc/.%2e~|", 0);
  std::string text;
  HeadWriter writer(text);
  writer.request_line("PATCH", "/" + path);
  writer.field("Host", "a.example");
  writer.field(name, value);
  writer.end();
  RequestHead head;
  const auto size = parse_request_head(text, {}, head);
  RC_ASSERT(size.has_value());
  RC_ASSERT(*size == text.size());
  RC_ASSERT(head.fields.size() == 2U);
  RC_ASSERT(head.fields[1].name == name);
  const std::string again = serialise(head);
  RequestHead head_again;
  const auto size_again = parse_request_head(again, {}, head_again);
  RC_ASSERT(size_again.has_value());
  RC_ASSERT(*size_again == again.size());
  RC_ASSERT(serialise(head_again) == again);
}

}  // namespace
}  // namespace limpet::http
