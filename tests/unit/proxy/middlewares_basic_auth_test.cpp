#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "middlewares_request.h"
#include "proxy/middlewares/basic_auth.h"
#include "proxy/middlewares/password_hash.h"
#include "proxy/middlewares/verified_cache.h"

namespace limpet::proxy {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecretBcrypt =
    "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";         // "secret"
constexpr const char* kTestApr1 = "$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/";  // "test"
constexpr const char* kTestSha = "{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=";       // "test"

TEST(PasswordHash, VerifiesWhatHtpasswdWrites) {
  struct Vector {
    const char* hash;
    std::string password;
  };
  const std::vector<Vector> vectors = {
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
      {"$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
      {"$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "secret"},
      {kSecretBcrypt, "secret"},
      {kTestApr1, "test"},
      {"$apr1$d9hr9HBB$4HxwgUir3HP4EsggP/QNo0", "test2"},
      {"$apr1$H6uskkkW$qt4MiCE6FWTsQbmS3oMwY0", ""},
      {"$apr1$H6uskkkW$GEXZRNS0zCfzz4hrLzm881", "a"},
      {"$apr1$H6uskkkW$bpCRSOyGg4fAPQxqYxCJt.", "12345678"},
      {"$apr1$H6uskkkW$SBBwf45jonC.UCQvkqwmJ0", "a long password of more than thirty-two bytes"},
      {"$apr1$H6uskkkW$i1ZQOWK6oq873EhR.utX9.", "pässwörd"},
      {"$apr1$x$MaNxRCuijmLhGdSKbVDfn0", "test"},
      {"$1$abc$B..HicC/afMveWeNyfNsf/", "test"},
      {"$1$abc$va.mDh.xD0xaCpxxh9akd0", "pässwörd"},
      {kTestSha, "test"},
  };
  for (const Vector& v : vectors) {
    const auto hash = PasswordHash::parse(v.hash);
    ASSERT_TRUE(hash.has_value()) << v.hash << ": " << hash.error();
    EXPECT_TRUE(hash->verify(v.password)) << v.hash;
    EXPECT_FALSE(hash->verify(v.password + "x")) << v.hash;
    EXPECT_FALSE(hash->verify(v.password + '\0')) << v.hash;
    EXPECT_EQ(hash->verify(""), v.password.empty()) << v.hash;
  }
}

TEST(PasswordHash, RefusesOtherForms) {
  for (const char* text :
       {"", "plain", "$2y$04$short", "$2x$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$32$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$0:$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
        "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIr!", "$apr1$$IgXLP6ewTrSuBkTrqE8wj/",
        "$apr1$H6uskkkW9$IgXLP6ewTrSuBkTrqE8wj/", "$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj", "$apr1$H6uskkkW",
        "$1$", "{SHA}", "{SHA}dGVzdA==", "{SSHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "$5$salt$hash"}) {
    const auto hash = PasswordHash::parse(text);
    ASSERT_FALSE(hash.has_value()) << text;
    EXPECT_THAT(hash.error(), HasSubstr("expected a hash of htpasswd: bcrypt"));
  }
  EXPECT_THAT(PasswordHash::parse("$$apr1$$H6uskkkW$$IgXLP6ewTrSuBkTrqE8wj/").error(),
              HasSubstr("doubled dollar"));
}

std::shared_ptr<Middleware> made(const config::BasicAuth& settings) {
  auto users = read_basic_auth_users(settings);
  EXPECT_TRUE(users.has_value()) << users.error();
  auto middleware = BasicAuth::make(settings, std::move(*users));
  EXPECT_TRUE(middleware.has_value()) << middleware.error();
  return *middleware;
}

std::string with_credentials(std::string_view credentials) {
  return "GET /\nHost: a\nX-User: forged\nAuthorization: Basic " + base::base64_encode(credentials) + "\n";
}

TEST(BasicAuth, LetsKnownUsersIn) {
  const auto middleware =
      made({.users = {std::string("alice:") + kSecretBcrypt, std::string("bob:") + kTestApr1}});
  for (const char* credentials : {"alice:secret", "bob:test"}) {
    TestRequest request(with_credentials(credentials));
    EXPECT_FALSE(pass(*middleware, request.context).has_value()) << credentials;
    EXPECT_EQ(request.context.user, std::string(credentials).substr(0, request.context.user.size()));
    EXPECT_TRUE(request.context.request_edits.empty());
  }
}

TEST(BasicAuth, RefusesEveryoneElse) {
  const auto middleware = made({.users = {std::string("alice:") + kSecretBcrypt}, .realm = "the \"place\""});
  for (const char* credentials : {"alice:wrong", "alice:", "alice", ":", "ALICE:secret", "eve:secret", ""}) {
    TestRequest request(with_credentials(credentials));
    const auto answer = pass(*middleware, request.context);
    ASSERT_TRUE(answer.has_value()) << credentials;
    EXPECT_EQ(answer->status, 401);
    EXPECT_EQ(answer->body, "401 Unauthorized\n");
    EXPECT_EQ(field_of(*answer, "WWW-Authenticate"), R"(Basic realm="the \"place\"")");
  }
  for (const char* field : {"", "Authorization: Bearer abc\n", "Authorization: Basic !\n",
                            "Authorization: Basic\n", "Authorization: Basicx YWxpY2U6c2VjcmV0\n"}) {
    TestRequest request(std::string("GET /\nHost: a\n") + field);
    EXPECT_TRUE(std::holds_alternative<Answer>(middleware->on_request(request.context))) << field;
  }
}

TEST(BasicAuth, TheSchemeMayBeWrittenInAnyCase) {
  const auto middleware = made({.users = {std::string("bob:") + kTestSha}});
  TestRequest request("GET /\nHost: a\nAuthorization: basic " + base::base64_encode("bob:test") + "\n");
  EXPECT_FALSE(pass(*middleware, request.context).has_value());
}

TEST(BasicAuth, APasswordMayHoldColons) {
  const std::string hash = md5_crypt("a:b:", "salt", "$apr1$");
  const auto middleware = made({.users = {"bob:" + hash}});
  TestRequest request(with_credentials("bob:a:b:"));
  EXPECT_FALSE(pass(*middleware, request.context).has_value());
}

TEST(BasicAuth, OnlyTheFirstRequestPaysForTheHash) {
  const auto middleware = made({.users = {std::string("alice:") + kSecretBcrypt}});
  TestRequest first(with_credentials("alice:secret"));
  Verdict verdict = middleware->on_request(first.context);
  ASSERT_TRUE(std::holds_alternative<BlockingWork>(verdict));
  EXPECT_FALSE(std::get<BlockingWork>(verdict)().has_value());

  TestRequest second(with_credentials("alice:secret"));
  EXPECT_TRUE(std::holds_alternative<Continue>(middleware->on_request(second.context)));
  TestRequest wrong(with_credentials("alice:secreT"));
  EXPECT_TRUE(std::holds_alternative<BlockingWork>(middleware->on_request(wrong.context)));
}

TEST(BasicAuth, AnUnknownUserCostsAHashToo) {
  const auto middleware = made({.users = {std::string("alice:") + kSecretBcrypt}});
  TestRequest request(with_credentials("eve:secret"));
  Verdict verdict = middleware->on_request(request.context);
  ASSERT_TRUE(std::holds_alternative<BlockingWork>(verdict));
  EXPECT_TRUE(std::get<BlockingWork>(verdict)().has_value());
  EXPECT_EQ(request.context.user, "eve");
}

TEST(BasicAuth, TheWorkOutlivesTheMiddleware) {
  auto middleware = made({.users = {std::string("alice:") + kSecretBcrypt}});
  TestRequest request(with_credentials("alice:secret"));
  Verdict verdict = middleware->on_request(request.context);
  middleware.reset();
  EXPECT_FALSE(std::get<BlockingWork>(verdict)().has_value());
}

TEST(BasicAuth, TellsTheServerTheUserAndKeepsThePassword) {
  const auto middleware =
      made({.users = {std::string("bob:") + kTestSha}, .header_field = "X-User", .remove_header = true});
  for (int i = 0; i < 2; ++i) {
    TestRequest request(with_credentials("bob:test"));
    EXPECT_FALSE(pass(*middleware, request.context).has_value());
    EXPECT_EQ(text_of(request.context.request_edits), "X-User=bob Authorization=");
  }
}

class UsersFile {
 public:
  explicit UsersFile(std::string_view text)
      : path_(testing::TempDir() + "limpet-users-" + std::to_string(counter_++)) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  UsersFile(const UsersFile&) = delete;
  UsersFile& operator=(const UsersFile&) = delete;
  ~UsersFile() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  inline static int counter_ = 0;
  std::string path_;
};

TEST(BasicAuth, ReadsAUsersFile) {
  const UsersFile file(std::string("# users\n\n  alice:") + kSecretBcrypt + "\r\nbob:" + kTestApr1 + "\n");
  const auto middleware = made({.users = {std::string("bob:") + kTestSha}, .users_file = file.path()});
  TestRequest alice(with_credentials("alice:secret"));
  EXPECT_FALSE(pass(*middleware, alice.context).has_value());
  TestRequest bob(with_credentials("bob:test"));
  EXPECT_FALSE(pass(*middleware, bob.context).has_value());
}

TEST(BasicAuth, SaysWhatIsAllowedAndNotTheHash) {
  const auto error = [](const config::BasicAuth& settings) {
    return read_basic_auth_users(settings).error();
  };
  EXPECT_THAT(error({}), HasSubstr("basicAuth has no users, expected users or usersFile"));
  EXPECT_THAT(error({.users = {"ok:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", "nocolon"}}),
              HasSubstr("basicAuth.users[1]: expected name:hash"));
  EXPECT_THAT(error({.users = {":hash"}}), HasSubstr("expected name:hash"));
  EXPECT_THAT(error({.users = {"al\x01ice:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="}}),
              HasSubstr("expected name:hash"));
  EXPECT_THAT(error({.users = {"alice:topsecret"}}),
              testing::AllOf(HasSubstr("the hash of alice: expected a hash of htpasswd"),
                             Not(HasSubstr("topsecret"))));
  EXPECT_THAT(error({.users_file = "/nonexistent/users"}),
              HasSubstr("basicAuth.usersFile: cannot open /nonexistent/users"));
  const UsersFile file("# users\nbad\n");
  EXPECT_THAT(error({.users_file = file.path()}), HasSubstr(file.path() + ":2: expected name:hash"));
  EXPECT_THAT(error({.users_file = testing::TempDir()}), HasSubstr("cannot read"));

  const config::BasicAuth bad_field{.users = {std::string("bob:") + kTestSha}, .header_field = "X User"};
  EXPECT_THAT(BasicAuth::make(bad_field, *read_basic_auth_users(bad_field)).error(),
              HasSubstr("expected a header name"));
  for (const char* name : {"Transfer-Encoding", "content-length", "Connection", "Host"}) {
    const config::BasicAuth framing{.users = {std::string("bob:") + kTestSha}, .header_field = name};
    EXPECT_THAT(BasicAuth::make(framing, *read_basic_auth_users(framing)).error(),
                HasSubstr("which Limpet writes itself"));
  }
  const config::BasicAuth bad_realm{.users = {std::string("bob:") + kTestSha}, .realm = "a\nb"};
  EXPECT_THAT(BasicAuth::make(bad_realm, *read_basic_auth_users(bad_realm)).error(),
              HasSubstr("basicAuth.realm"));
}

TEST(VerifiedCache, RemembersAFixedNumber) {
  VerifiedCache cache;
  EXPECT_FALSE(cache.contains("alice", "secret"));
  cache.insert("alice", "secret");
  EXPECT_TRUE(cache.contains("alice", "secret"));
  EXPECT_FALSE(cache.contains("alice", "secre"));
  EXPECT_FALSE(cache.contains("alic", "esecret"));
  for (int i = 0; i < 10'000; ++i) cache.insert("user", std::to_string(i));
  EXPECT_FALSE(cache.contains("alice", "secret"));
  EXPECT_TRUE(cache.contains("user", "9999"));
}

TEST(VerifiedCache, ThreadsNeverSeeWhatNobodyInserted) {
  VerifiedCache cache;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 2'000; ++i) {
        const std::string password = std::to_string(t * 10'000 + i);
        cache.insert("user", password);
        EXPECT_FALSE(cache.contains("other", password));
      }
    });
  }
}

}  // namespace
}  // namespace limpet::proxy
