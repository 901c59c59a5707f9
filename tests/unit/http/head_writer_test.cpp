#include "http/head_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace limpet::http {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

TEST(HeadWriter, WritesARequest) {
  std::string out = "before|";
  HeadWriter writer(out);
  writer.request_line("GET", "/a?b");
  writer.field("Host", "a.example");
  writer.field("Content-Length", 18446744073709551615U);
  writer.field("X-Empty", "");
  writer.end();
  EXPECT_EQ(out,
            "before|GET /a?b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 18446744073709551615\r\nX-Empty: "
            "\r\n\r\n");
}

TEST(HeadWriter, WritesATargetInTwoParts) {
  std::string out;
  HeadWriter(out).request_line("M-SEARCH", "/a", "b=c");
  HeadWriter(out).request_line("OPTIONS", "*", "");
  EXPECT_EQ(out, "M-SEARCH /a?b=c HTTP/1.1\r\nOPTIONS * HTTP/1.1\r\n");
}

TEST(HeadWriter, WritesAResponse) {
  std::string out;
  HeadWriter writer(out);
  writer.status_line(503);
  writer.status_line(299);
  writer.status_line(200, "Fine\xe4");
  writer.date(sys_seconds(seconds(784111777)));
  EXPECT_EQ(out,
            "HTTP/1.1 503 Service Unavailable\r\nHTTP/1.1 299 \r\nHTTP/1.1 200 Fine\xe4\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
}

TEST(HeadWriterDeath, NeverWritesWhatBreaksAHead) {
  std::string out;
  HeadWriter writer(out);
  EXPECT_DEATH(writer.field("X", "a\r\nSet-Cookie: b"), "broken invariant");
  EXPECT_DEATH(writer.field("X", "a\nb"), "broken invariant");
  EXPECT_DEATH(writer.field("X", std::string_view("a\0b", 3)), "broken invariant");
  EXPECT_DEATH(writer.field("X\r\n", "a"), "broken invariant");
  EXPECT_DEATH(writer.field("X:", "a"), "broken invariant");
  EXPECT_DEATH(writer.field("", "a"), "broken invariant");
  EXPECT_DEATH(writer.request_line("GET /", "/"), "broken invariant");
  EXPECT_DEATH(writer.request_line("GET", "/ HTTP/1.1\r\n"), "broken invariant");
  EXPECT_DEATH(writer.request_line("GET", ""), "broken invariant");
  EXPECT_DEATH(writer.request_line("GET", "/", "a b"), "broken invariant");
  EXPECT_DEATH(writer.status_line(99), "broken invariant");
  EXPECT_DEATH(writer.status_line(200, "a\r"), "broken invariant");
}

TEST(ReasonPhrase, KnowsStandardStatuses) {
  EXPECT_EQ(reason_phrase(100), "Continue");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
  EXPECT_EQ(reason_phrase(0), "");
  EXPECT_EQ(reason_phrase(299), "");
  EXPECT_EQ(reason_phrase(999), "");
}

TEST(HttpDate, WritesImfFixdate) {
  EXPECT_EQ(http_date(sys_seconds(seconds(0))), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(sys_seconds(seconds(951'782'400))), "Tue, 29 Feb 2000 00:00:00 GMT");
  EXPECT_EQ(http_date(sys_seconds(seconds(4'102'444'799))), "Thu, 31 Dec 2099 23:59:59 GMT");
  EXPECT_EQ(http_date(sys_seconds(seconds(784'111'777)) + std::chrono::milliseconds(999)),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace limpet::http
