#include "http/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace limpet::http {
namespace {

TEST(ParseServerUrl, TakesUrlsApart) {
  EXPECT_EQ(parse_server_url("http://10.0.0.1:8080"),
            (ServerUrl{Scheme::kHttp, "10.0.0.1", 8080, "10.0.0.1:8080", "/"}));
  EXPECT_EQ(parse_server_url("https://a.example"),
            (ServerUrl{Scheme::kHttps, "a.example", 443, "a.example", "/"}));
  EXPECT_EQ(parse_server_url("HTTP://a/"), (ServerUrl{Scheme::kHttp, "a", 80, "a", "/"}));
  EXPECT_EQ(parse_server_url("h2c://[::1]:50051/grpc/x"),
            (ServerUrl{Scheme::kH2c, "::1", 50051, "[::1]:50051", "/grpc/x"}));
  EXPECT_EQ(parse_server_url("http://[2001:db8::1]"),
            (ServerUrl{Scheme::kHttp, "2001:db8::1", 80, "[2001:db8::1]", "/"}));
}

TEST(ParseServerUrl, PointsAtWhatIsWrong) {
  struct Case {
    std::string_view url;
    std::size_t offset;
    std::string_view expected;
  };
  const std::vector<Case> cases = {
      {"", 0, "a URL such as http://10.0.0.1:8080"},
      {"10.0.0.1:8080", 0, "a URL such as http://10.0.0.1:8080"},
      {"http:/a", 0, "a URL such as http://10.0.0.1:8080"},
      {"ftp://a", 0, "http://, https:// or h2c://"},
      {"://a", 0, "http://, https:// or h2c://"},
      {"ws://a", 0, "http:// or https://, which carry WebSockets too"},
      {"WSS://a", 0, "http:// or https://, which carry WebSockets too"},
      {"http://", 7, "a host name or address"},
      {"http://:80", 7, "a host name or address"},
      {"http:///a", 7, "a host name or address"},
      {"http://u:p@a", 7, "a host without user name and password"},
      {"http://a b", 8, "a letter, a digit or one of \"-._~\" in a host name"},
      {"http://a,b:80", 8, "a letter, a digit or one of \"-._~\" in a host name"},
      {"http://[a]", 7, "an IPv6 address between the brackets"},
      {"http://[::1", 7, "an IPv6 address between the brackets"},
      {"http://a:", 9, "a port from 1 to 65535"},
      {"http://a:0", 9, "a port from 1 to 65535"},
      {"http://a:65536", 9, "a port from 1 to 65535"},
      {"http://a:8x", 9, "a port from 1 to 65535"},
      {"http://[::1]x", 13, "a port from 1 to 65535"},
      {"http://a/b?c", 10, "no query in a server's URL"},
      {"http://a?c", 8, "no query in a server's URL"},
      {"http://a/#c", 9, "no fragment in a server's URL"},
      {"http://a/b c", 10, "a visible ASCII character; others are written as %XX"},
      {"http://a/\xc3\xa4", 9, "a visible ASCII character; others are written as %XX"},
  };
  for (const Case& item : cases) {
    const auto url = parse_server_url(item.url);
    ASSERT_FALSE(url) << item.url;
    EXPECT_EQ(url.error().offset, item.offset) << item.url;
    EXPECT_EQ(url.error().expected, item.expected) << item.url;
  }
  EXPECT_FALSE(parse_server_url("http://" + std::string(256, 'a')));
}

TEST(ParseServerUrl, WritesTheSchemeBack) {
  EXPECT_EQ(scheme_text(Scheme::kHttp), "http");
  EXPECT_EQ(scheme_text(Scheme::kHttps), "https");
  EXPECT_EQ(scheme_text(Scheme::kH2c), "h2c");
}

TEST(EncodedCharacters, AreFoundInPaths) {
  EXPECT_TRUE(encoded_characters("/plain/%20%41").empty());
  EXPECT_TRUE(encoded_characters("/%2").empty());
  EXPECT_TRUE(encoded_characters("/a%2Fb").has(Encoded::kSlash));
  EXPECT_TRUE(encoded_characters("/a%2fb").has(Encoded::kSlash));
  EXPECT_FALSE(encoded_characters("/a%2fb").has(Encoded::kNull));
  EXPECT_EQ(encoded_characters("%2f%5c%00%3b%25%3f%23"), EncodedSet::all());
  EXPECT_TRUE(encoded_characters("/%2f%5c%3b%25%3f%23").is_within(EncodedSet::usual()));
  EXPECT_FALSE(encoded_characters("/%00").is_within(EncodedSet::usual()));
  EXPECT_FALSE(encoded_characters("/%2f").is_within(EncodedSet{}));
}

TEST(CanonicalPath, IsTheSameViewWhenThereIsNothingToChange) {
  for (const std::string_view path :
       {"/", "/a/b/", "/a.b/.c/..d/...", "/%20/%2F/%C3%A4", "*", "/a;b=c/@:!"}) {
    std::string scratch;
    const auto result = canonical_path(path, true, scratch);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->data(), path.data());
    EXPECT_EQ(*result, path);
    EXPECT_TRUE(scratch.empty());
  }
}

TEST(CanonicalPath, NormalisesAndCleans) {
  const std::vector<std::pair<std::string_view, std::string_view>> paths = {
      {"/%61%2d%2E%5F%7e", "/a-._~"},
      {"/%2f%c3%a4%3a", "/%2F%C3%A4%3A"},
      {"/%2541", "/%2541"},
      {"//", "/"},
      {"//a///b//", "/a/b/"},
      {"/.", "/"},
      {"/..", "/"},
      {"/../../etc/passwd", "/etc/passwd"},
      {"/a/./b", "/a/b"},
      {"/a/b/..", "/a"},
      {"/a/b/../", "/a/"},
      {"/a/b/.", "/a/b"},
      {"/a/../../b/./c/../d", "/b/d"},
      {"/%2e%2e/a", "/a"},
      {"/a/%2E./b", "/b"},
      {"/a/.%2e/.%2E/", "/"},
      {"/a/..%2fb", "/a/..%2Fb"},
      {"/a//../b", "/b"},
      {"/a/..b/...", "/a/..b/..."},
  };
  for (const auto& [path, expected] : paths) {
    std::string scratch = "left from before";
    EXPECT_EQ(canonical_path(path, true, scratch), expected) << path;
  }
}

TEST(CanonicalPath, LeavesSegmentsAloneIfTold) {
  std::string scratch;
  EXPECT_EQ(canonical_path("/a/../b//c", false, scratch), "/a/../b//c");
  EXPECT_EQ(canonical_path("/a/%2e%2e/b", false, scratch), "/a/../b");
}

TEST(CanonicalPath, RefusesMalformedEscapes) {
  for (const std::string_view path : {"/%", "/%4", "/%4x", "/%x4", "/a%%41", "/%-1", "/%+1", "/%u0041"}) {
    std::string scratch;
    const auto result = canonical_path(path, true, scratch);
    ASSERT_FALSE(result) << path;
    EXPECT_EQ(result.error().status, 400);
  }
}

TEST(RoutingPath, DecodesAllButReservedCharacters) {
  std::string scratch;
  const std::string_view plain = "/a/b";
  EXPECT_EQ(routing_path(plain, scratch).data(), plain.data());
  EXPECT_EQ(routing_path("/b%C3%BCcher%20x", scratch),
            "/b\xc3\xbc"
            "cher x");
  EXPECT_EQ(routing_path("/a%2Fb%3Fc%25d%3B", scratch), "/a%2Fb%3Fc%25d%3B");
  EXPECT_EQ(routing_path("/%2541", scratch), "/%2541");
  EXPECT_EQ(routing_path("/%5C%22", scratch), "/\\\"");
}

RC_GTEST_PROP(CanonicalPathProperty, IsItsOwnCanonicalForm, ()) {
  const auto pieces =
      *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(std::vector<std::string>{
          "/", "/", ".", "..", "a", "%2e", "%2E", "%2f", "%25", "%41", "b", "//", "/.", "/.."}));
  std::string path = "/";
  for (const std::string& piece : pieces) path += piece;
  std::string first_scratch;
  const auto first = canonical_path(path, true, first_scratch);
  RC_ASSERT(first.has_value());
  RC_ASSERT(first->starts_with('/'));
  RC_ASSERT(first->size() <= path.size());
  RC_ASSERT(first->find("//") == std::string_view::npos);
  RC_ASSERT((std::string(*first) + "/").find("/../") == std::string::npos);
  RC_ASSERT((std::string(*first) + "/").find("/./") == std::string::npos);
  std::string second_scratch;
  const auto second = canonical_path(*first, true, second_scratch);
  RC_ASSERT(second.has_value());
  RC_ASSERT(second->data() == first->data());
}

}  // namespace
}  // namespace limpet::http
