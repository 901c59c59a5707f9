#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "middlewares_request.h"
#include "proxy/middlewares/chain_factory.h"

namespace limpet::proxy {
namespace {

using testing::HasSubstr;
using Kind = decltype(config::Middleware::kind);

routing::ChainLink link(std::string name, Kind kind) {
  return {.name = {std::move(name), "file"}, .settings = {.kind = std::move(kind), .place = {}}};
}

routing::BuiltChain built(std::vector<routing::ChainLink> links,
                          const routing::BuiltChain* previous = nullptr) {
  auto chain = make_chain(links, previous);
  EXPECT_TRUE(chain.has_value()) << chain.error().message;
  return {std::move(links), std::move(*chain)};
}

const std::vector<std::shared_ptr<Middleware>>& steps_of(const routing::BuiltChain& chain) {
  return static_cast<const MiddlewareChain&>(*chain.chain).steps();
}

TEST(ChainFactory, FitsTheBuilder) {
  const routing::ChainFactory factory = make_chain;
  EXPECT_TRUE(factory({link("a", config::AddPrefix{.prefix = "/a"})}, nullptr).has_value());
}

TEST(ChainFactory, MakesEveryKindInOrder) {
  const routing::BuiltChain chain = built({
      link("strip", config::StripPrefix{.prefixes = {"/api"}}),
      link("add", config::AddPrefix{.prefix = "/v1"}),
      link("replace", config::ReplacePath{.path = "/x"}),
      link("headers", config::Headers{.custom_request_headers = {{"X-A", "b"}}}),
      link("redirect", config::RedirectScheme{.scheme = "http"}),
      link("auth", config::BasicAuth{.users = {"bob:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="}}),
      link("allow", config::IpAllowList{.source_range = {"192.0.2.0/24"}}),
      link("flight", config::InFlightReq{.amount = 1}),
      link("rate", config::RateLimit{.average = 1}),
  });
  ASSERT_EQ(steps_of(chain).size(), 9U);
  TestRequest request("GET /api/y\nHost: a\nAuthorization: Basic " + base::base64_encode("bob:test") + "\n");
  for (const auto& step : steps_of(chain)) EXPECT_FALSE(pass(*step, request.context).has_value());
  EXPECT_EQ(text_of(request.context.request_edits), "X-Replaced-Path=/v1/y X-A=b +X-Forwarded-Prefix=/api");
  EXPECT_EQ(request.context.path, "/x");
  EXPECT_EQ(request.context.user, "bob");
  EXPECT_EQ(request.context.holds.size(), 1U);
}

TEST(ChainFactory, StateOutlivesAReload) {
  const routing::ChainLink flight = link("flight", config::InFlightReq{.amount = 1});
  const routing::BuiltChain before = built({flight, link("rate", config::RateLimit{.average = 1})});

  routing::ChainLink moved = flight;
  moved.settings.place.line = 7;
  const routing::BuiltChain after = built(
      {link("add", config::AddPrefix{.prefix = "/a"}), link("rate", config::RateLimit{.average = 2}), moved},
      &before);
  EXPECT_NE(steps_of(after)[1], steps_of(before)[1]);
  EXPECT_EQ(steps_of(after)[2], steps_of(before)[0]);

  TestRequest old_request("GET /\nHost: a\n");
  TestRequest new_request("GET /\nHost: a\n");
  EXPECT_FALSE(pass(*steps_of(before)[0], old_request.context).has_value());
  EXPECT_TRUE(pass(*steps_of(after)[2], new_request.context).has_value());
}

TEST(ChainFactory, AnotherNameOrAnotherRouterIsAnotherState) {
  const config::InFlightReq settings{.amount = 1};
  const routing::BuiltChain before = built({link("a", settings)});
  EXPECT_NE(steps_of(built({link("b", settings)}, &before))[0], steps_of(before)[0]);
  EXPECT_NE(steps_of(built({link("a", settings)}))[0], steps_of(before)[0]);

  const routing::BuiltChain twice = built({link("a", settings), link("a", settings)}, &before);
  EXPECT_EQ(steps_of(twice)[0], steps_of(before)[0]);
  EXPECT_NE(steps_of(twice)[1], steps_of(twice)[0]);
}

TEST(ChainFactory, ReadsTheUsersFileAgain) {
  const std::string path = testing::TempDir() + "limpet-chain-users";
  const auto write = [&path](const char* text) { std::ofstream(path, std::ios::binary) << text; };
  const routing::ChainLink auth = link("auth", config::BasicAuth{.users_file = path});
  write("bob:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n");
  const routing::BuiltChain first = built({auth});
  const routing::BuiltChain same = built({auth}, &first);
  EXPECT_EQ(steps_of(same)[0], steps_of(first)[0]);
  write("eve:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n");
  const routing::BuiltChain changed = built({auth}, &same);
  EXPECT_NE(steps_of(changed)[0], steps_of(same)[0]);
  std::remove(path.c_str());
  EXPECT_FALSE(make_chain({auth}, &changed).has_value());
}

TEST(ChainFactory, NamesTheMiddlewareAtFault) {
  const auto chain = make_chain(
      {link("good", config::AddPrefix{.prefix = "/a"}), link("bad", config::AddPrefix{})}, nullptr);
  ASSERT_FALSE(chain.has_value());
  EXPECT_EQ(chain.error().middleware.text(), "bad@file");
  EXPECT_THAT(chain.error().message, HasSubstr("addPrefix.prefix is empty"));
}

}  // namespace
}  // namespace limpet::proxy
