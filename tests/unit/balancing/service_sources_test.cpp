// Where a service finds what binds a user: query, header, path, Engine.IO session, and in which order.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "balancing/service.h"
#include "service_fixture.h"

namespace limpet::balancing {
namespace {

using config::StickySourceKind;

class ServiceSourcesTest : public ServiceTest {
 protected:
  void sources(std::vector<config::StickySource> list) { settings.sticky->sources = std::move(list); }
};

TEST_F(ServiceSourcesTest, QueryHeaderAndPathHoldAnyAcceptedValue) {
  sources({{StickySourceKind::kQuery, "server"},
           {StickySourceKind::kHeader, "X-Server"},
           {StickySourceKind::kPath, "/s/"}});
  for (std::uint32_t i = 0; i < kUrls.size(); ++i) {
    for (std::string value : accepted_cookie_values(kUrls[i])) {
      EXPECT_EQ(choose(Request().field("x-server", value))->index, i);
      if (value.contains("://")) value = "http%3A%2F%2F" + value.substr(7);
      EXPECT_EQ(choose(Request().query("a=b&server=" + value))->index, i) << value;
      const std::string path = "/s/" + value;
      EXPECT_EQ(choose(Request().path(path))->index, i);
      EXPECT_EQ(choose(Request().path(path + "/rooms/7"))->index, i);
    }
  }
  const auto unbound = choose(Request().path("/s/").query("server="));
  ASSERT_TRUE(unbound.has_value());
  EXPECT_FALSE(unbound->by_sticky);
  EXPECT_FALSE(unbound->write_cookie) << "the cookie is not among the sources";
  EXPECT_EQ(service().cookie_name(), "");
}

TEST_F(ServiceSourcesTest, SourcesAreTriedInTheOrderWritten) {
  sources({{StickySourceKind::kQuery, "server"}, {StickySourceKind::kCookie, ""}});
  const std::string query = fmt::format("server={}", kValues[2]);
  const auto both = choose(Request().query(query).cookie(kValues[0]));
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->index, 2U);
  EXPECT_TRUE(both->write_cookie) << "the cookie follows";
  EXPECT_FALSE(choose(Request().query(query).cookie(kValues[2]))->write_cookie);
  EXPECT_TRUE(choose(Request().query(query))->write_cookie);

  const auto second = choose(Request().query("server=1234").cookie(kValues[0]));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->index, 0U) << "an unknown value is passed over";
  EXPECT_FALSE(second->write_cookie);
}

TEST_F(ServiceSourcesTest, ASessionIdBindsToTheServerThatGaveIt) {
  EXPECT_TRUE(service().learns_sid());
  service().sids().learn("lv_VI97HAXpY6yYWAAAC", servers[1].state, kNow);
  for (int i = 0; i < 20; ++i) {
    const auto selected = choose(Request().query("EIO=4&transport=polling&sid=lv_VI97HAXpY6yYWAAAC"));
    ASSERT_TRUE(selected.has_value());
    EXPECT_EQ(selected->index, 1U);
    EXPECT_TRUE(selected->by_sticky);
    EXPECT_FALSE(selected->write_cookie) << "this client sends no cookies";
  }
  const auto with_stale_cookie = choose(Request().query("sid=lv_VI97HAXpY6yYWAAAC").cookie("1234"));
  EXPECT_EQ(with_stale_cookie->index, 1U);
  EXPECT_TRUE(with_stale_cookie->write_cookie);
  EXPECT_EQ(choose(Request().query("sid=lv_VI97HAXpY6yYWAAAC").cookie(kValues[0]))->index, 0U)
      << "the cookie is first";
}

TEST_F(ServiceSourcesTest, SessionsSurviveAReload) {
  service().sids().learn("abc", servers[2].state, kNow);
  Service next("webapp@docker", settings, {servers[2], servers[0]});
  next.adopt_sids(service().shared_sids());
  Request request;
  request.query("sid=abc");
  const auto selected = next.choose({.head = &request.head(), .now = kNow});
  ASSERT_TRUE(selected.has_value());
  EXPECT_EQ(selected->index, 0U);
  EXPECT_TRUE(selected->by_sticky);

  Service without("webapp@docker", settings, {servers[0]});
  without.adopt_sids(service().shared_sids());
  EXPECT_FALSE(without.choose({.head = &request.head(), .now = kNow})->by_sticky);
}

TEST_F(ServiceSourcesTest, StickyBySidAlone) {
  settings.sticky->cookie.reset();
  EXPECT_EQ(service().cookie_name(), "");
  EXPECT_TRUE(service().learns_sid());
  service().sids().learn("abc", servers[1].state, kNow);
  EXPECT_EQ(choose(Request().query("sid=abc").cookie(kValues[0]))->index, 1U);
  EXPECT_FALSE(choose(Request())->write_cookie);
  EXPECT_EQ(service().servers()[0].cookie_value, kValues[0]) << "for the API, all the same";
}

}  // namespace
}  // namespace limpet::balancing
