#include "http/cookie.h"

#include <gtest/gtest.h>

#include <string>

namespace limpet::http {
namespace {

TEST(FindCookie, FindsTheFirstOfAName) {
  EXPECT_EQ(find_cookie("a=1; sid=abc; b=2; sid=def", "sid"), "abc");
  EXPECT_EQ(find_cookie("sid=abc", "sid"), "abc");
  EXPECT_EQ(find_cookie("a=1;sid=abc;b=2", "sid"), "abc");
  EXPECT_EQ(find_cookie(" sid = abc ;", "sid"), "abc");
  EXPECT_EQ(find_cookie("a=1; sid=\"abc\"", "sid"), "abc");
  EXPECT_EQ(find_cookie("sid=a=b==", "sid"), "a=b==");
  EXPECT_EQ(find_cookie("sid=", "sid"), "");
  EXPECT_EQ(find_cookie("sid=\"", "sid"), "\"");
  EXPECT_EQ(find_cookie(";; ;sid=x", "sid"), "x");
}

TEST(FindCookie, DoesNotTakeOneNameForAnother) {
  for (const std::string_view field : {"", ";", "xsid=1", "sidx=1", "SID=1", "sid", "a=sid=1", "a=\"; b=1"}) {
    EXPECT_EQ(find_cookie(field, "sid"), std::nullopt) << field;
  }
}

TEST(FindQuery, FindsTheFirstOfAName) {
  EXPECT_EQ(find_query("EIO=4&sid=a%20b&sid=c", "sid"), "a%20b");
  EXPECT_EQ(find_query("sid", "sid"), "");
  EXPECT_EQ(find_query("sid=", "sid"), "");
  EXPECT_EQ(find_query("&&sid=a=b", "sid"), "a=b");
  EXPECT_EQ(find_query("sidx=1&xsid=2&SID=3", "sid"), std::nullopt);
  EXPECT_EQ(find_query("", "sid"), std::nullopt);
  EXPECT_EQ(find_query("&", ""), std::nullopt);
}

TEST(PercentDecode, DecodesWhatIsWellFormed) {
  EXPECT_EQ(percent_decode("a%20b%2fC%C3%A4", false), "a b/C\xc3\xa4");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode("a+b", false), "a+b");
  EXPECT_EQ(percent_decode("%2B", true), "+");
  EXPECT_EQ(percent_decode("%", false), "%");
  EXPECT_EQ(percent_decode("%4", false), "%4");
  EXPECT_EQ(percent_decode("%4x%41", false), "%4xA");
  EXPECT_EQ(percent_decode("%%41", false), "%A");
  EXPECT_EQ(percent_decode("%2541", false), "%41");
}

TEST(FormatSetCookie, WritesAttributesInGosOrder) {
  EXPECT_EQ(format_set_cookie({.name = "a", .value = "b"}), "a=b");
  EXPECT_EQ(format_set_cookie({.name = "sticky",
                               .value = "4c1f2a",
                               .path = "/chat",
                               .domain = ".a.example",
                               .secure = true,
                               .http_only = true,
                               .same_site = "None",
                               .max_age = 3600,
                               .partitioned = true}),
            "sticky=4c1f2a; Path=/chat; Domain=a.example; Max-Age=3600; HttpOnly; Secure; SameSite=None; "
            "Partitioned");
  EXPECT_EQ(format_set_cookie({.name = "a", .value = "", .max_age = -1}), "a=; Max-Age=0");
}

TEST(FormatSetCookie, CannotBeBrokenOutOf) {
  EXPECT_EQ(
      format_set_cookie(
          {.name = "a", .value = "b;\r\n\\\"c", .path = "/;Domain=x\r\nSet-Cookie: y", .domain = "a\n;b"}),
      "a=bc; Path=/Domain=xSet-Cookie: y; Domain=ab");
  EXPECT_EQ(format_set_cookie({.name = "a", .value = "b c,d"}), "a=\"b c,d\"");
}

TEST(FormatSetCookie, IsNeverGivenABadName) {
  EXPECT_DEATH(static_cast<void>(format_set_cookie({.name = "a b", .value = "c"})), "broken invariant");
}

TEST(SanitiseCookieName, ReplacesEachCharacterOutsideATokenByOne) {
  EXPECT_EQ(sanitise_cookie_name("azAZ09!#$%&'*+-.^`|~_"), "azAZ09!#$%&'*+-.^`|~_");
  EXPECT_EQ(sanitise_cookie_name("a b/c@d:e(f)"), "a_b_c_d_e_f_");
  EXPECT_EQ(sanitise_cookie_name("b\xc3\xbc"
                                 "cher\xe2\x82\xac\xf0\x9f\x90\x9a"),
            "b_cher__");
  EXPECT_EQ(sanitise_cookie_name("\xc3"
                                 "a\xff\x80"),
            "_a__");
  EXPECT_EQ(sanitise_cookie_name("\xe2\x82"), "__");
  EXPECT_EQ(sanitise_cookie_name(""), "");
}

}  // namespace
}  // namespace limpet::http
