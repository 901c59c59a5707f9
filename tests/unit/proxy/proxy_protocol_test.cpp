#include "proxy/proxy_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <string_view>
#include <vector>

namespace limpet::proxy {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string version_2(int command, int family, std::string_view body,
                      std::string_view signature = kSignature) {
  std::string header(signature);
  header.push_back(static_cast<char>(command));
  header.push_back(static_cast<char>(family));
  header.push_back(static_cast<char>(body.size() >> 8U));
  header.push_back(static_cast<char>(body.size() & 0xffU));
  return header.append(body);
}

const std::string kV4Body("\x0a\x00\x00\x01\xc0\x00\x02\x07\x12\x34\x01\xbb", 12);

std::string v6_body() {
  std::string body(36, '\0');
  body[0] = 0x20;
  body[1] = 0x01;
  body[15] = 1;
  body[31] = 2;
  body[33] = 80;
  body[34] = '\x1f';
  body[35] = '\x90';
  return body;
}

struct Good {
  std::string header;
  std::string source;  // empty: none
  std::string destination;
};

std::vector<Good> good_headers() {
  return {
      {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324", "192.168.0.11:443"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535",
       "255.255.255.255:65535"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", "1.2.3.4:0", "5.6.7.8:0"},
      {"PROXY TCP6 2001:db8::1 ::2 1234 80\r\n", "[2001:db8::1]:1234", "[::2]:80"},
      {"PROXY TCP6 2001:0db8:0000:0000:0000:ff00:0042:8329 2001:0db8:0000:0000:0000:ff00:0042:8329 65535 "
       "65535\r\n",
       "[2001:db8::ff00:42:8329]:65535", "[2001:db8::ff00:42:8329]:65535"},
      {"PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1 2\r\n", "1.2.3.4:1", "5.6.7.8:2"},
      {"PROXY UNKNOWN\r\n", "", ""},
      {"PROXY UNKNOWN whatever it is\r\n", "", ""},
      {version_2(0x21, 0x11, kV4Body), "10.0.0.1:4660", "192.0.2.7:443"},
      {version_2(0x21, 0x11, kV4Body + std::string("\x01\x00\x02h2", 5)), "10.0.0.1:4660", "192.0.2.7:443"},
      {version_2(0x21, 0x11, kV4Body + std::string(kMaxProxyHeader - 16 - 12, 'x')), "10.0.0.1:4660",
       "192.0.2.7:443"},
      {version_2(0x21, 0x21, v6_body()), "[2001::1]:80", "[::2]:8080"},
      {version_2(0x20, 0x00, ""), "", ""},
      {version_2(0x20, 0x11, kV4Body), "", ""},
      {version_2(0x20, 0x11, "abc"), "", ""},
      {version_2(0x20, 0xff, "abc"), "", ""},
      {version_2(0x21, 0x00, ""), "", ""},
      {version_2(0x21, 0x00, "ignored"), "", ""},
      {version_2(0x21, 0x10, "ignored"), "", ""},
      {version_2(0x21, 0x12, kV4Body), "", ""},
      {version_2(0x21, 0x22, v6_body()), "", ""},
      {version_2(0x21, 0x31, std::string(216, '/')), "", ""},
      {version_2(0x21, 0x32, std::string(300, '/')), "", ""},
  };
}

TEST(ProxyProtocol, ReadsBothVersionsAtEverySplit) {
  for (const Good& good : good_headers()) {
    for (std::size_t size = 0; size < good.header.size(); ++size) {
      const auto part = parse_proxy_header(std::string_view(good.header).substr(0, size));
      ASSERT_TRUE(part.has_value()) << good.header << " at " << size << ": " << part.error();
      ASSERT_FALSE(part->has_value()) << good.header << " at " << size;
    }
    for (const std::string_view rest : {"", "GET / HTTP/1.1\r\n", "PROXY ", "\r\n\r\n"}) {
      const auto parsed = parse_proxy_header(good.header + std::string(rest));
      ASSERT_TRUE(parsed.has_value() && parsed->has_value()) << good.header;
      EXPECT_EQ((*parsed)->bytes, good.header.size());
      EXPECT_EQ((*parsed)->source ? (*parsed)->source->text() : "", good.source);
      EXPECT_EQ((*parsed)->destination ? (*parsed)->destination->text() : "", good.destination);
    }
  }
}

std::vector<std::string> bad_headers() {
  return {
      "GET / HTTP/1.1\r\n",
      "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXYTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
      " PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY\tTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY \r\n",
      "PROXY TCP\r\n",
      "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY UNKNOWNX\r\n",
      "PROXY  UNKNOWN\r\n",
      "PROXY TCP4\r\n",
      "PROXY TCP4 1.2.3.4\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
      "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n",
      "PROXY TCP4 ::1 ::2 1 2\r\n",
      "PROXY TCP4 ::ffff:1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY TCP6 [::1] ::2 1 2\r\n",
      "PROXY TCP6 ::1%lo ::2 1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 0x1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r \n",
      "PROXY UNKNOWN\rGET\r\n",
      "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n",
      "PROXY UNKNOWN " + std::string(200, 'x'),
      version_2(0x11, 0x11, kV4Body),
      version_2(0x22, 0x11, kV4Body),
      version_2(0x31, 0x11, kV4Body),
      version_2(0x21, 0x41, kV4Body),
      version_2(0x21, 0x13, kV4Body),
      version_2(0x21, 0x11, kV4Body.substr(1)),
      version_2(0x21, 0x21, v6_body().substr(1)),
      version_2(0x21, 0x31, std::string(215, '/')),
      version_2(0x21, 0x11, std::string(kMaxProxyHeader, 'x')),
      version_2(0x20, 0x00, std::string(0xffff, 'x')),
      version_2(0x21, 0x11, kV4Body, std::string_view("\r\n\r\n\0\r\nQUIX\n", 12)),
  };
}

TEST(ProxyProtocol, RefusesWhatIsMalformedAtEverySplit) {
  for (const std::string& header : bad_headers()) {
    bool refused = false;
    for (std::size_t size = 0; size <= header.size(); ++size) {
      const auto part = parse_proxy_header(std::string_view(header).substr(0, size));
      ASSERT_FALSE(part.has_value() && part->has_value()) << header << " at " << size;
      ASSERT_FALSE(refused && part.has_value()) << header << " is refused at first, then not at " << size;
      refused = !part.has_value();
    }
    EXPECT_TRUE(refused) << header;
  }
}

TEST(ProxyProtocol, RefusesEarly) {
  EXPECT_FALSE(parse_proxy_header("G").has_value());
  EXPECT_FALSE(parse_proxy_header("\r\n\r\nG").has_value());
  EXPECT_FALSE(parse_proxy_header("PROXX").has_value());
  EXPECT_FALSE(parse_proxy_header(version_2(0x23, 0x11, kV4Body).substr(0, 13)).has_value());
  EXPECT_FALSE(parse_proxy_header(version_2(0x21, 0x51, kV4Body).substr(0, 14)).has_value());
  EXPECT_FALSE(parse_proxy_header(version_2(0x21, 0x11, std::string(5000, 'x')).substr(0, 16)).has_value());
  EXPECT_FALSE(parse_proxy_header("PROXY UNKNOWN" + std::string(94, ' ')).has_value());
}

TEST(ProxyProtocol, TellsConnectionsWithoutAHeader) {
  for (const std::string_view start : {"", "P", "PROXY ", "PROXY X", "\r", "\r\n\r\n"}) {
    EXPECT_TRUE(may_begin_proxy_header(start)) << start;
  }
  for (const std::string_view start : {"G", "POST / HTTP/1.1", "PROXX", "PROXY\t", "\r\nG", "\r\n\r\nG"}) {
    EXPECT_FALSE(may_begin_proxy_header(start)) << start;
  }
}

TEST(ProxyProtocol, SaysWhatIsWrong) {
  EXPECT_THAT(parse_proxy_header("GET /").error(), HasSubstr("does not begin with one"));
  EXPECT_THAT(parse_proxy_header("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n").error(),
              HasSubstr("expected TCP4, TCP6 or UNKNOWN after PROXY"));
  EXPECT_THAT(parse_proxy_header("PROXY TCP4 1.2.3.4 x 1 2\r\n").error(),
              HasSubstr("expected two IPv4 addresses"));
  EXPECT_THAT(parse_proxy_header("PROXY TCP4 1.2.3.4 5.6.7.8 1 x\r\n").error(),
              HasSubstr("expected two ports"));
}

TEST(ProxyProtocol, AnyBytesAreSafeAndMoreOfThemChangeNoVerdict) {
  EXPECT_TRUE(rc::check([] {
    const std::string start =
        *rc::gen::element(std::string(), std::string("PROXY "), std::string("PROXY TCP4 "),
                          std::string(kSignature), std::string(kSignature) + "\x21\x11");
    const std::string bytes = start + *rc::gen::arbitrary<std::string>();
    std::optional<bool> verdict;
    std::size_t taken = 0;
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      const auto part = parse_proxy_header(std::string_view(bytes).substr(0, size));
      if (verdict) {
        RC_ASSERT(part.has_value() == *verdict);
        if (*verdict) RC_ASSERT(part->has_value() && (*part)->bytes == taken);
      } else if (!part.has_value() || part->has_value()) {
        verdict = part.has_value();
        if (*verdict) taken = (*part)->bytes;
        if (*verdict) RC_ASSERT(taken == size);
      }
    }
  }));
}

}  // namespace
}  // namespace limpet::proxy
