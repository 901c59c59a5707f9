#include "net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>

namespace limpet::net {
namespace {

using testing::Contains;
using testing::HasSubstr;

IpAddress ip_of(std::string_view text) {
  const auto ip = IpAddress::parse(text);
  EXPECT_TRUE(ip.has_value()) << text;
  return ip.value_or(IpAddress{});
}

bool in_range(std::string_view range, std::string_view address) {
  const auto parsed = IpRange::parse(range);
  EXPECT_TRUE(parsed.has_value()) << range;
  return parsed && parsed->contains(ip_of(address));
}

TEST(IpAddress, ReadsBothFamilies) {
  EXPECT_TRUE(ip_of("127.0.0.1").is_v4());
  EXPECT_EQ(ip_of("127.0.0.1"), IpAddress::from_v4(0x7f000001));
  EXPECT_EQ(ip_of("192.168.1.254").text(), "192.168.1.254");
  EXPECT_FALSE(ip_of("::1").is_v4());
  EXPECT_EQ(ip_of("2001:DB8:0:0::1").text(), "2001:db8::1");
  EXPECT_EQ(IpAddress{}.text(), "::");
}

TEST(IpAddress, TakesMappedAddressesAsV4) {
  const IpAddress mapped = ip_of("::ffff:10.1.2.3");
  EXPECT_TRUE(mapped.is_v4());
  EXPECT_EQ(mapped, ip_of("10.1.2.3"));
  EXPECT_EQ(mapped.text(), "10.1.2.3");
  EXPECT_EQ(mapped.bytes()[10], 0xff);
  EXPECT_EQ(mapped.bytes()[15], 3);
  EXPECT_FALSE(ip_of("::10.1.2.3").is_v4());
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const std::string_view text :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "[::1]", ":::", "1::2::3",
        "fe80::1%lo", "10.0.0.0/8", "12345::"}) {
    EXPECT_EQ(IpAddress::parse(text), std::nullopt) << text;
  }
  EXPECT_EQ(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)), std::nullopt);
}

TEST(IpAddress, KnowsLoopback) {
  EXPECT_TRUE(ip_of("127.0.0.1").is_loopback());
  EXPECT_TRUE(ip_of("127.255.255.255").is_loopback());
  EXPECT_TRUE(ip_of("::1").is_loopback());
  EXPECT_TRUE(ip_of("::ffff:127.0.0.1").is_loopback());
  EXPECT_FALSE(ip_of("128.0.0.1").is_loopback());
  EXPECT_FALSE(ip_of("::").is_loopback());
  EXPECT_FALSE(ip_of("::2").is_loopback());
  EXPECT_FALSE(ip_of("1::1").is_loopback());
}

TEST(IpAddress, IsReadBack) {
  EXPECT_TRUE(rc::check("parse(text()) of an IPv4 address", [](std::uint32_t bits) {
    const IpAddress ip = IpAddress::from_v4(bits);
    RC_ASSERT(IpAddress::parse(ip.text()) == ip);
  }));
  EXPECT_TRUE(rc::check("parse(text()) of an IPv6 address", [](const std::array<std::uint8_t, 16>& bytes) {
    const IpAddress ip = IpAddress::from_v6(bytes);
    RC_ASSERT(IpAddress::parse(ip.text()) == ip);
  }));
}

TEST(IpRange, HoldsTheAddressesOfItsPrefix) {
  EXPECT_TRUE(in_range("10.0.0.0/8", "10.255.255.255"));
  EXPECT_FALSE(in_range("10.0.0.0/8", "11.0.0.0"));
  EXPECT_FALSE(in_range("10.0.0.0/8", "9.255.255.255"));
  EXPECT_TRUE(in_range("192.168.4.0/22", "192.168.7.255"));
  EXPECT_FALSE(in_range("192.168.4.0/22", "192.168.8.0"));
  EXPECT_TRUE(in_range("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(in_range("2001:db8::/33", "2001:db8:8000::1"));
}

TEST(IpRange, IgnoresTheBitsBehindThePrefix) {
  EXPECT_EQ(IpRange::parse("10.1.2.3/8"), IpRange::parse("10.0.0.0/8"));
  EXPECT_EQ(IpRange::parse("::ffff:10.0.0.0/104"), IpRange::parse("10.0.0.0/8"));
}

TEST(IpRange, TakesOneAddress) {
  EXPECT_TRUE(in_range("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(in_range("10.1.2.3", "10.1.2.2"));
  EXPECT_EQ(IpRange::parse("10.1.2.3"), IpRange::parse("10.1.2.3/32"));
  EXPECT_EQ(IpRange::parse("::1"), IpRange::parse("::1/128"));
}

TEST(IpRange, OfAllAddressesKeepsTheFamiliesApart) {
  EXPECT_TRUE(in_range("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(in_range("0.0.0.0/0", "::1"));
  EXPECT_TRUE(in_range("::/0", "ffff::1"));
  EXPECT_FALSE(in_range("::/0", "10.0.0.1"));
  EXPECT_TRUE(in_range("10.0.0.0/8", "::ffff:10.9.9.9"));
}

TEST(IpRange, RefusesWhatIsNoRange) {
  for (const std::string_view text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x",
        "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/99999", "name/8"}) {
    EXPECT_EQ(IpRange::parse(text), std::nullopt) << text;
  }
}

TEST(IpRange, AgreesWithComparingBits) {
  EXPECT_TRUE(rc::check("contains() compares the leading bits", [](std::uint32_t base, std::uint32_t other) {
    const auto prefix = *rc::gen::inRange(0U, 33U);
    const std::uint32_t mask = prefix == 0 ? 0 : ~std::uint32_t{0} << (32U - prefix);
    if (*rc::gen::arbitrary<bool>()) other = (other & ~mask) | (base & mask);
    const auto range = IpRange::parse(IpAddress::from_v4(base).text() + "/" + std::to_string(prefix));
    RC_ASSERT(range.has_value());
    RC_ASSERT(range->contains(IpAddress::from_v4(other)) == ((base & mask) == (other & mask)));
  }));
}

TEST(Contains, LooksThroughAllRanges) {
  const std::vector<IpRange> ranges = {*IpRange::parse("10.0.0.0/8"), *IpRange::parse("::1")};
  EXPECT_TRUE(contains(ranges, ip_of("10.1.1.1")));
  EXPECT_TRUE(contains(ranges, ip_of("::1")));
  EXPECT_FALSE(contains(ranges, ip_of("192.168.0.1")));
  EXPECT_FALSE(contains({}, ip_of("::1")));
}

TEST(SocketAddress, HoldsTcpAddresses) {
  const SocketAddress v4(ip_of("10.1.2.3"), 8080);
  EXPECT_EQ(v4.family(), AF_INET);
  EXPECT_EQ(v4.native_length(), sizeof(sockaddr_in));
  EXPECT_EQ(v4.native()->sa_family, AF_INET);
  EXPECT_EQ(v4.ip(), ip_of("10.1.2.3"));
  EXPECT_EQ(v4.port(), 8080);
  EXPECT_EQ(v4.text(), "10.1.2.3:8080");

  const SocketAddress v6(ip_of("2001:db8::1"), 443);
  EXPECT_EQ(v6.family(), AF_INET6);
  EXPECT_EQ(v6.native_length(), sizeof(sockaddr_in6));
  EXPECT_EQ(v6.ip(), ip_of("2001:db8::1"));
  EXPECT_EQ(v6.port(), 443);
  EXPECT_EQ(v6.text(), "[2001:db8::1]:443");
  EXPECT_FALSE(v6.is_unix());
}

TEST(SocketAddress, HoldsUnixPaths) {
  const SocketAddress local = SocketAddress::unix_path("/run/x.sock");
  EXPECT_TRUE(local.is_unix());
  EXPECT_EQ(local.text(), "unix:/run/x.sock");
  EXPECT_EQ(local.port(), 0);
  EXPECT_EQ(local.ip(), IpAddress{});
  EXPECT_EQ(local.native_length(), offsetof(sockaddr_un, sun_path) + 12);

  const std::string longest(kMaxUnixPath, 'x');
  EXPECT_EQ(SocketAddress::unix_path(longest).text(), "unix:" + longest);
}

TEST(SocketAddress, CopiesNativeAddresses) {
  const SocketAddress v4(ip_of("10.1.2.3"), 8080);
  EXPECT_EQ(SocketAddress::from_native(v4.native(), v4.native_length()).text(), "10.1.2.3:8080");

  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(80);
  std::copy_n(ip_of("10.1.2.3").bytes().begin(), 16, &mapped.sin6_addr.s6_addr[0]);
  const auto copy = SocketAddress::from_native(reinterpret_cast<const sockaddr*>(&mapped), sizeof(mapped));
  EXPECT_EQ(copy.text(), "10.1.2.3:80");
  EXPECT_TRUE(copy.ip().is_v4());
  EXPECT_EQ(copy.family(), AF_INET6);

  sockaddr unnamed{};
  unnamed.sa_family = AF_UNIX;
  EXPECT_EQ(SocketAddress::from_native(&unnamed, sizeof(sa_family_t)).text(), "unix:");
}

TEST(ParseListenAddress, ReadsEveryForm) {
  const auto text_of = [](std::string_view text) {
    const auto address = parse_listen_address(text);
    return address ? address->text() : "error: " + address.error();
  };
  EXPECT_EQ(text_of(":80"), "[::]:80");
  EXPECT_EQ(text_of(":80/tcp"), "[::]:80");
  EXPECT_EQ(text_of("0.0.0.0:80"), "0.0.0.0:80");
  EXPECT_EQ(text_of("127.0.0.1:0"), "127.0.0.1:0");
  EXPECT_EQ(text_of("127.0.0.1:65535"), "127.0.0.1:65535");
  EXPECT_EQ(text_of("[::1]:80"), "[::1]:80");
  EXPECT_EQ(text_of("[::]:80"), "[::]:80");
  EXPECT_EQ(text_of("localhost:80"), "127.0.0.1:80");
  EXPECT_EQ(text_of("unix:/run/limpet/tcp"), "unix:/run/limpet/tcp");
  EXPECT_EQ(text_of("unix:relative.sock"), "unix:relative.sock");
}

TEST(ParseListenAddress, SaysWhatIsExpected) {
  const auto error_of = [](std::string_view text) {
    const auto address = parse_listen_address(text);
    EXPECT_FALSE(address.has_value()) << text;
    return address ? std::string() : address.error();
  };
  for (const std::string_view text : {"", "80", "localhost", "[::1]", "127.0.0.1"}) {
    EXPECT_THAT(error_of(text), HasSubstr("expected an address such as")) << text;
  }
  for (const std::string_view text : {":", ":65536", ":-1", ":http", "127.0.0.1:80x", "[::1]:"}) {
    EXPECT_THAT(error_of(text), HasSubstr("a port from 0 to 65535")) << text;
  }
  EXPECT_THAT(error_of("::1:80"), HasSubstr("in brackets"));
  EXPECT_THAT(error_of("[::1:80"), HasSubstr("in brackets"));
  EXPECT_THAT(error_of("[nonsense]:80"), HasSubstr("'nonsense' is not an IPv6 address"));
  EXPECT_THAT(error_of(":53/udp"), HasSubstr("TCP is the only protocol"));
  EXPECT_THAT(error_of("unix:"), HasSubstr("expected a path"));
  EXPECT_THAT(error_of("unix:" + std::string(kMaxUnixPath + 1, 'x')), HasSubstr("at most 107 bytes"));
}

TEST(Resolve, FindsLiteralsAndNames) {
  EXPECT_EQ(resolve("10.1.2.3").value(), std::vector{ip_of("10.1.2.3")});
  EXPECT_EQ(resolve("::1").value(), std::vector{ip_of("::1")});
  const auto local = resolve("localhost");
  ASSERT_TRUE(local.has_value());
  EXPECT_THAT(*local, Contains(ip_of("127.0.0.1")));
}

TEST(Resolve, NamesTheHostItCannotFind) {
  const auto missing = resolve("no such host");
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error(), HasSubstr("cannot resolve host 'no such host': "));
}

}  // namespace
}  // namespace limpet::net
