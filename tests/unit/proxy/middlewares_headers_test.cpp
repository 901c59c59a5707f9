#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "middlewares_request.h"
#include "proxy/middlewares/edit_headers.h"

namespace limpet::proxy {
namespace {

using testing::HasSubstr;

constexpr const char* kPreflight =
    "OPTIONS /\nHost: a\nOrigin: https://foo.bar.org\nAccess-Control-Request-Method: GET\n";

std::shared_ptr<Middleware> made(const config::Headers& settings) {
  auto middleware = EditHeaders::make(settings);
  EXPECT_TRUE(middleware.has_value()) << middleware.error();
  return *middleware;
}

TEST(EditHeaders, SetsAndRemovesFields) {
  const auto middleware = made({.custom_request_headers = {{"X-Gone", ""}, {"X-New", " v "}},
                                .custom_response_headers = {{"Server", ""}, {"X-Frame-Options", "DENY"}}});
  TestRequest request("GET /\nHost: a\nX-Gone: 1\n");
  EXPECT_FALSE(pass(*middleware, request.context).has_value());
  EXPECT_EQ(text_of(request.context.request_edits), "X-Gone= X-New=v");
  EXPECT_EQ(text_of(request.context.response_edits), "Server= X-Frame-Options=DENY");
}

TEST(EditHeaders, ChangesTheHostButNeverRemovesIt) {
  TestRequest request("GET /\nHost: a\n");
  EXPECT_FALSE(
      pass(*made({.custom_request_headers = {{"host", "b.example:81"}}}), request.context).has_value());
  EXPECT_EQ(text_of(request.context.request_edits), "host=b.example:81");

  TestRequest other("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*made({.custom_request_headers = {{"Host", ""}}}), other.context).has_value());
  EXPECT_TRUE(other.context.request_edits.empty());
}

TEST(EditHeaders, LeavesFramingAlone) {
  TestRequest request("GET /\nHost: a\n");
  const auto middleware =
      made({.custom_request_headers = {{"Upgrade", "websocket"}, {"connection", "Upgrade"}, {"TE", ""}},
            .custom_response_headers = {{"Content-Length", "0"}, {"Transfer-Encoding", "x"}}});
  EXPECT_FALSE(pass(*middleware, request.context).has_value());
  EXPECT_TRUE(request.context.request_edits.empty());
  EXPECT_TRUE(request.context.response_edits.empty());
}

TEST(EditHeaders, TheFirstOfAChainDecidesAboutResponses) {
  const auto first = made({.custom_response_headers = {{"X-Who", "first"}, {"X-First", "1"}}});
  const auto second = made({.custom_response_headers = {{"x-who", "second"}, {"X-Second", "2"}}});
  TestRequest request("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*first, request.context).has_value());
  EXPECT_FALSE(pass(*second, request.context).has_value());
  EXPECT_EQ(text_of(request.context.response_edits), "X-First=1 X-Who=first X-Second=2");
}

TEST(EditHeaders, AnswersAPreflight) {
  const auto middleware = made({.custom_response_headers = {{"X-Not", "here"}},
                                .access_control_allow_methods = {"GET", "OPTIONS", "PUT"},
                                .access_control_allow_headers = {"origin", "X-Forwarded-For"},
                                .access_control_allow_origin_list = {"https://foo.bar.org"},
                                .access_control_allow_credentials = true,
                                .access_control_max_age = 600});
  TestRequest request(kPreflight);
  const auto answer = pass(*middleware, request.context);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(field_of(*answer, "Access-Control-Allow-Methods"), "GET,OPTIONS,PUT");
  EXPECT_EQ(field_of(*answer, "Access-Control-Allow-Headers"), "origin,X-Forwarded-For");
  EXPECT_EQ(field_of(*answer, "Access-Control-Allow-Origin"), "https://foo.bar.org");
  EXPECT_EQ(field_of(*answer, "Access-Control-Allow-Credentials"), "true");
  EXPECT_EQ(field_of(*answer, "Access-Control-Max-Age"), "600");
  EXPECT_TRUE(request.context.response_edits.empty());
}

TEST(EditHeaders, APreflightFromElsewhereGetsNoOrigin) {
  const auto middleware = made({.access_control_allow_origin_list = {"https://other.org"}});
  TestRequest request(kPreflight);
  const auto answer = pass(*middleware, request.context);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(field_of(*answer, "Access-Control-Allow-Origin"), "(none)");
  EXPECT_EQ(field_of(*answer, "Access-Control-Max-Age"), "0");
}

TEST(EditHeaders, OnlyAPreflightIsAnswered) {
  const auto middleware = made({.access_control_allow_origin_list = {"*"}});
  for (const char* text : {"GET /\nHost: a\nOrigin: https://b\nAccess-Control-Request-Method: GET\n",
                           "OPTIONS /\nHost: a\nOrigin: https://b\n",
                           "OPTIONS /\nHost: a\nAccess-Control-Request-Method: GET\n"}) {
    TestRequest request(text);
    EXPECT_FALSE(pass(*middleware, request.context).has_value()) << text;
    EXPECT_EQ(text_of(request.context.response_edits), "Access-Control-Allow-Origin=*");
  }
  TestRequest without_access_control(kPreflight);
  EXPECT_FALSE(
      pass(*made({.custom_request_headers = {{"X-A", "b"}}}), without_access_control.context).has_value());
}

TEST(EditHeaders, AddsAccessControlToResponses) {
  const auto middleware = made({.custom_response_headers = {{"Access-Control-Allow-Origin", "overruled"}},
                                .access_control_allow_origin_list = {"https://a.org", "https://b.org"},
                                .access_control_expose_headers = {"X-A", "X-B"},
                                .access_control_allow_credentials = true,
                                .add_vary_header = true});
  TestRequest request("GET /\nHost: a\nOrigin: https://b.org\n");
  EXPECT_FALSE(pass(*middleware, request.context).has_value());
  EXPECT_EQ(text_of(request.context.response_edits),
            "Access-Control-Allow-Origin=https://b.org Access-Control-Allow-Credentials=true "
            "Access-Control-Expose-Headers=X-A,X-B +Vary=Origin");

  TestRequest stranger("GET /\nHost: a\nOrigin: https://c.org\n");
  EXPECT_FALSE(pass(*middleware, stranger.context).has_value());
  EXPECT_THAT(text_of(stranger.context.response_edits), HasSubstr("Access-Control-Allow-Origin=overruled"));
}

TEST(EditHeaders, SaysWhatIsAllowed) {
  EXPECT_THAT(EditHeaders::make({.custom_request_headers = {{"X A", "b"}}}).error(),
              HasSubstr("headers.customRequestHeaders names \"X A\", expected a header name"));
  EXPECT_THAT(EditHeaders::make({.custom_response_headers = {{"X-A", "b\r\nX-C: d"}}}).error(),
              HasSubstr("headers.customResponseHeaders.X-A holds a control character"));
  EXPECT_THAT(EditHeaders::make({.custom_request_headers = {{"Host", "a/b"}}}).error(),
              HasSubstr("expected a host"));
  EXPECT_THAT(EditHeaders::make({.access_control_allow_methods = {"GET,PUT"}}).error(),
              HasSubstr("headers.accessControlAllowMethods holds \"GET,PUT\""));
  EXPECT_THAT(EditHeaders::make({.access_control_allow_origin_list = {"https://a\n"}}).error(),
              HasSubstr("expected origins such as"));
}

}  // namespace
}  // namespace limpet::proxy
