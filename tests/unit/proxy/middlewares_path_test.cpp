#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "middlewares_request.h"
#include "proxy/middlewares/rewrite_path.h"

namespace limpet::proxy {
namespace {

using testing::HasSubstr;

struct StripCase {
  std::vector<std::string> prefixes;
  std::string path;
  std::string stripped;
  std::string told;  // X-Forwarded-Prefix
};

TEST(StripPrefix, TakesTheFirstMatchingPrefixOff) {
  const std::vector<StripCase> cases = {
      {{"/"}, "/", "/", "/"},
      {{"/stat"}, "/stat", "/", "/stat"},
      {{"/stat/"}, "/stat/", "/", "/stat/"},
      {{"/stat/"}, "/stat/us", "/us", "/stat/"},
      {{"/stat/"}, "/status", "/status", ""},
      {{"/stat"}, "/stat/", "/", "/stat"},
      {{"/stat", "/stat/us"}, "/stat/us", "/us", "/stat"},
      {{"/mismatch", "/stat"}, "/stat", "/", "/stat"},
      {{"/stat"}, "/status", "/us", "/stat"},
      {{"/stat"}, "/stat/a%2Fb", "/a%2Fb", "/stat"},
      {{"/stat"}, "/stat/?x", "/", "/stat"},
      {{" /a b "}, "/a%20b/c", "/c", "/a b"},
      {{"/ü"}, "/%C3%BC/c", "/c", "/ü"},
      {{"api"}, "/api/c", "/c", "api"},
      {{"/STAT"}, "/stat", "/stat", ""},
      {{"/stat"}, "/stat//x", "//x", "/stat"},
      {{"/stat"}, "/stat/.well-known", "/.well-known", "/stat"},
      {{"/stat"}, "/stat...", "/...", "/stat"},
  };
  for (const StripCase& c : cases) {
    const auto middleware = StripPrefix::make({.prefixes = c.prefixes});
    ASSERT_TRUE(middleware.has_value()) << middleware.error();
    TestRequest request("GET " + c.path + "\nHost: a\n");
    EXPECT_FALSE(pass(**middleware, request.context).has_value());
    EXPECT_EQ(request.context.path, c.stripped) << c.path;
    EXPECT_EQ(text_of(request.context.request_edits), c.told.empty() ? "" : "+X-Forwarded-Prefix=" + c.told);
  }
}

TEST(StripPrefix, RefusesAPathThatWouldClimb) {
  const auto middleware = StripPrefix::make({.prefixes = {"/api"}});
  for (const char* path : {"/api./foo", "/api../foo", "/api..", "/api/../foo"}) {
    TestRequest request(std::string("GET ") + path + "\nHost: a\n");
    const auto answer = pass(**middleware, request.context);
    ASSERT_TRUE(answer.has_value()) << path;
    EXPECT_EQ(answer->status, 400);
  }
}

TEST(StripPrefix, LosesNothingButThePrefix) {
  EXPECT_TRUE(rc::check("prefix + rest gives rest with a leading slash, and other paths stay", [] {
    const auto text = [](const char* alphabet) {
      return rc::gen::container<std::string>(rc::gen::elementOf(std::string(alphabet)));
    };
    const std::string prefix = "/" + *text("ab/");
    const std::string path = "/" + *text("ab/");
    const auto middleware = StripPrefix::make({.prefixes = {prefix}});
    RC_ASSERT(middleware.has_value());
    TestRequest request("GET " + path + "\nHost: a\n");
    RC_ASSERT(!pass(**middleware, request.context).has_value());
    if (path.starts_with(prefix)) {
      const std::string rest = path.substr(prefix.size());
      RC_ASSERT(request.context.path == (rest.starts_with('/') ? rest : "/" + rest));
    } else {
      RC_ASSERT(request.context.path == path);
      RC_ASSERT(request.context.request_edits.empty());
    }
  }));
}

TEST(AddPrefix, PutsThePrefixFirst) {
  const std::vector<std::vector<std::string>> cases = {{"/a", "/b", "/a/b"},
                                                       {"a", "/b", "/a/b"},
                                                       {"/a", "/", "/a/"},
                                                       {"/a/", "/b", "/a//b"},
                                                       {"/a b?", "/b", "/a%20b%3F/b"},
                                                       {"/%2f", "/b%2Fc", "/%2F/b%2Fc"}};
  for (const auto& c : cases) {
    const auto middleware = AddPrefix::make({.prefix = c[0]});
    ASSERT_TRUE(middleware.has_value()) << middleware.error();
    TestRequest request("GET " + c[1] + "?q=1\nHost: a\n");
    EXPECT_FALSE(pass(**middleware, request.context).has_value());
    EXPECT_EQ(request.context.path, c[2]);
    EXPECT_TRUE(request.context.request_edits.empty());
  }
}

TEST(ReplacePath, TellsThePathThatCame) {
  const auto middleware = ReplacePath::make({.path = "/new"});
  ASSERT_TRUE(middleware.has_value()) << middleware.error();
  TestRequest plain("GET /old/path\nHost: a\nX-Replaced-Path: forged\n");
  EXPECT_FALSE(pass(**middleware, plain.context).has_value());
  EXPECT_EQ(plain.context.path, "/new");
  EXPECT_EQ(text_of(plain.context.request_edits), "X-Replaced-Path=/old/path");
  EXPECT_TRUE(plain.context.request_edits.hides("x-replaced-path"));

  TestRequest with_query("GET /old%2Fpath?q=1&r\nHost: a\n");
  EXPECT_FALSE(pass(**middleware, with_query.context).has_value());
  EXPECT_EQ(text_of(with_query.context.request_edits), "X-Replaced-Path=/old%2Fpath?q=1&r");
}

TEST(RewritePath, SaysWhatIsAllowed) {
  EXPECT_THAT(StripPrefix::make({}).error(),
              HasSubstr("stripPrefix.prefixes is empty, expected one or more paths"));
  EXPECT_THAT(StripPrefix::make({.prefixes = {"/a", ""}}).error(), HasSubstr("expected a path such as /api"));
  EXPECT_THAT(StripPrefix::make({.prefixes = {"/a\nb"}}).error(), HasSubstr("control character"));
  EXPECT_THAT(AddPrefix::make({}).error(),
              HasSubstr("addPrefix.prefix is empty, expected a path such as /api"));
  EXPECT_THAT(AddPrefix::make({.prefix = "/100%"}).error(), HasSubstr("two hex digits after each %"));
  EXPECT_THAT(ReplacePath::make({}).error(), HasSubstr("replacePath.path is empty"));
}

TEST(FieldEdits, TheLastWordCounts) {
  FieldEdits edits;
  EXPECT_TRUE(edits.empty());
  edits.add("Vary", "Origin");
  edits.add("X-A", "1");
  edits.set("vary", "Accept");
  edits.add("X-A", "2");
  EXPECT_EQ(text_of(edits), "vary=Accept +X-A=1 +X-A=2");
  EXPECT_TRUE(edits.hides("VARY"));
  EXPECT_FALSE(edits.hides("X-A"));
}

}  // namespace
}  // namespace limpet::proxy
