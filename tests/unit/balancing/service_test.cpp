#include "balancing/service.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "service_fixture.h"

namespace limpet::balancing {
namespace {

using config::LostPolicy;
using std::chrono::seconds;

TEST_F(ServiceTest, ACookieBindsToItsServer) {
  for (std::uint32_t i = 0; i < kValues.size(); ++i) {
    for (int time = 0; time < 100; ++time) {
      const auto selected = choose(Request().cookie(kValues[i]));
      ASSERT_TRUE(selected.has_value());
      EXPECT_EQ(selected->index, i);
      EXPECT_TRUE(selected->by_sticky);
      EXPECT_FALSE(selected->write_cookie);
      EXPECT_EQ(state(i).seats_taken(), 1U);
    }
  }
  EXPECT_EQ(state(0).seats_taken(), 0U);
}

TEST_F(ServiceTest, OfSeveralCookiesTheOneThatNamesAServerCounts) {
  const auto selected = choose(Request().field(
      "Cookie", fmt::format("ws-session=; ws-session=stale; a=b; ws-session={}", kValues[1])));
  ASSERT_TRUE(selected.has_value());
  EXPECT_EQ(selected->index, 1U);
  EXPECT_TRUE(selected->by_sticky);

  const auto in_fields = choose(Request().field("Cookie", "ws-session=\"stale\"").cookie(kValues[2]));
  ASSERT_TRUE(in_fields.has_value());
  EXPECT_EQ(in_fields->index, 2U);

  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "ws-session=stale; ";
  const auto bounded = choose(Request().field("Cookie", flood + "ws-session=" + std::string(kValues[1])));
  ASSERT_TRUE(bounded.has_value());
  EXPECT_FALSE(bounded->by_sticky) << "only so many values are looked at";
}

TEST_F(ServiceTest, TheCookieIssuedBringsAUserBack) {
  for (int user = 0; user < 9; ++user) {
    const auto first = choose(Request());
    ASSERT_TRUE(first.has_value());
    EXPECT_FALSE(first->by_sticky);
    EXPECT_TRUE(first->write_cookie);
    const std::string set_cookie = service().set_cookie(first->index);
    EXPECT_EQ(set_cookie, fmt::format("ws-session={}; Path=/", kValues.at(first->index)));
    const auto second =
        choose(Request().field("Cookie", "a=b; " + set_cookie.substr(0, set_cookie.find(';'))));
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(second->index, first->index);
    EXPECT_FALSE(second->write_cookie);
  }
}

TEST_F(ServiceTest, EveryOldFormatIsAcceptedAndRewritten) {
  for (std::uint32_t i = 0; i < kUrls.size(); ++i) {
    for (const std::string& value : accepted_cookie_values(kUrls[i])) {
      const auto selected = choose(Request().cookie(value));
      ASSERT_TRUE(selected.has_value());
      EXPECT_EQ(selected->index, i) << value;
      EXPECT_EQ(selected->write_cookie, value != kValues[i]) << value;
    }
  }
}

TEST_F(ServiceTest, OtherFormatsMayBeIssued) {
  settings.sticky->cookie->format = config::CookieFormat::kSha256;
  EXPECT_EQ(service().set_cookie(0), "ws-session=932539f467985d11; Path=/");
  const auto by_hand = choose(Request().cookie(kValues[0]));
  ASSERT_TRUE(by_hand.has_value());
  EXPECT_EQ(by_hand->index, 0U);
  EXPECT_TRUE(by_hand->write_cookie);
  EXPECT_FALSE(choose(Request().cookie("932539f467985d11"))->write_cookie);
}

TEST_F(ServiceTest, HmacLetsNobodyChoose) {
  settings.sticky->cookie->format = config::CookieFormat::kHmac;
  settings.sticky->cookie->secret = "s3cret";
  settings.sticky->on_unknown = LostPolicy::kReject;
  EXPECT_EQ(choose(Request().cookie(kValues[0])).error().reason, Refusal::kBoundUnknown);
  const std::string value = cookie_value(kUrls[1], config::CookieFormat::kHmac, "s3cret");
  const auto selected = choose(Request().cookie(value));
  ASSERT_TRUE(selected.has_value());
  EXPECT_EQ(selected->index, 1U);
  EXPECT_FALSE(selected->write_cookie);
  EXPECT_EQ(service().servers()[1].cookie_value, value);
}

TEST_F(ServiceTest, TheNameDefaultsToTraefiks) {
  settings.sticky->cookie->name.clear();
  EXPECT_EQ(service().cookie_name(), "_c4bdf");
}

TEST_F(ServiceTest, TheCookieMayStandInAnyCookieField) {
  const auto selected = choose(Request().field("Cookie", "x=1").cookie(kValues[2]));
  ASSERT_TRUE(selected.has_value());
  EXPECT_EQ(selected->index, 2U);
}

TEST_F(ServiceTest, WithoutStickyNothingBindsAndNoCookieIsWritten) {
  settings.sticky.reset();
  EXPECT_EQ(service().cookie_name(), "");
  EXPECT_FALSE(service().learns_sid());
  std::array<int, 3> counts{};
  for (int i = 0; i < 30; ++i) {
    const auto selected = choose(Request().cookie(kValues[0]).query("sid=abc"));
    ASSERT_TRUE(selected.has_value());
    EXPECT_FALSE(selected->by_sticky);
    EXPECT_FALSE(selected->write_cookie);
    ++counts.at(selected->index);
  }
  EXPECT_THAT(counts, testing::Each(10));
}

// What happens to a bound user: the policy table.

TEST_F(ServiceTest, DownMoves) {
  state(0).set_health(Health::kDown);
  for (int i = 0; i < 20; ++i) {
    const auto selected = choose(Request().cookie(kValues[0]));
    ASSERT_TRUE(selected.has_value());
    EXPECT_NE(selected->index, 0U);
    EXPECT_FALSE(selected->by_sticky);
    EXPECT_TRUE(selected->write_cookie);
  }
  EXPECT_EQ(choose(Request().cookie(kValues[1]))->index, 1U) << "others' users stay";
}

TEST_F(ServiceTest, DownWaits) {
  settings.sticky->on_down = LostPolicy::kWait;
  settings.sticky->wait_timeout = seconds(7);
  state(0).set_health(Health::kDown);
  const auto waiting = choose(Request().cookie(kValues[0]));
  ASSERT_FALSE(waiting.has_value());
  EXPECT_EQ(waiting.error().reason, Refusal::kWait);
  EXPECT_EQ(waiting.error().wait_timeout, seconds(7));
  EXPECT_EQ(waiting.error().after_wait, Refusal::kBoundDown);
  state(0).set_health(Health::kUp);
  EXPECT_EQ(choose(Request().cookie(kValues[0]))->index, 0U);
}

TEST_F(ServiceTest, DownRejects) {
  settings.sticky->on_down = LostPolicy::kReject;
  state(0).set_health(Health::kDown);
  EXPECT_EQ(choose(Request().cookie(kValues[0])).error().reason, Refusal::kBoundDown);
  EXPECT_TRUE(choose(Request()).has_value());
}

TEST_F(ServiceTest, EjectedUnresolvedAndTriedServersCountAsDown) {
  settings.sticky->on_down = LostPolicy::kReject;
  servers[1].addresses.clear();
  ASSERT_TRUE(state(0).note_failure(kNow, seconds(10), 1));
  EXPECT_EQ(choose(Request().cookie(kValues[0])).error().reason, Refusal::kBoundDown);
  EXPECT_EQ(choose(Request().cookie(kValues[1])).error().reason, Refusal::kBoundDown);
  EXPECT_TRUE(choose(Request().cookie(kValues[2])).has_value());
  const std::vector<std::uint32_t> tried = {2};
  EXPECT_EQ(choose(Request().cookie(kValues[2]), &tried).error().reason, Refusal::kBoundDown);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(choose(Request())->index, 2U);
}

TEST_F(ServiceTest, DrainingKeepsBoundUsersAndTakesNoNewOnes) {
  state(0).set_admin(AdminState::kDraining);
  servers[1].fenced = true;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(choose(Request().cookie(kValues[0]))->index, 0U);
    EXPECT_EQ(choose(Request().cookie(kValues[1]))->index, 1U);
    EXPECT_EQ(choose(Request())->index, 2U);
  }
  state(0).set_health(Health::kDown);
  EXPECT_EQ(choose(Request().cookie(kValues[0]))->index, 2U) << "until it stops";
}

TEST_F(ServiceTest, DrainingWaitsOrRejectsIfToldTo) {
  settings.sticky->on_draining = LostPolicy::kReject;
  servers[1].fenced = true;
  state(0).set_admin(AdminState::kDraining);
  EXPECT_EQ(choose(Request().cookie(kValues[0])).error().reason, Refusal::kBoundDraining);
  EXPECT_EQ(choose(Request().cookie(kValues[1])).error().reason, Refusal::kBoundDraining);
  state(0).set_admin(AdminState::kReady);
  EXPECT_EQ(choose(Request().cookie(kValues[0]))->index, 0U);
}

TEST_F(ServiceTest, WhoComesBackToAServerThatIsClosingIsMovedWhateverTheSettings) {
  settings.sticky->on_draining = config::LostPolicy::kReject;
  settings.sticky->on_down = config::LostPolicy::kWait;
  state(1).set_admin(AdminState::kClosing);
  const auto selected = choose(Request().cookie(kValues[1]));
  ASSERT_TRUE(selected.has_value());
  EXPECT_NE(selected->index, 1U);
  EXPECT_TRUE(selected->write_cookie);
}

TEST_F(ServiceTest, DrainingWaits) {
  settings.sticky->on_draining = LostPolicy::kWait;
  state(0).set_admin(AdminState::kDraining);
  const auto waiting = choose(Request().cookie(kValues[0]));
  EXPECT_EQ(waiting.error().reason, Refusal::kWait);
  EXPECT_EQ(waiting.error().wait_timeout, seconds(15));
  EXPECT_EQ(waiting.error().after_wait, Refusal::kBoundDraining);
}

TEST_F(ServiceTest, FullMoves) {
  fill(0);
  for (int i = 0; i < 10; ++i) {
    const auto selected = choose(Request().cookie(kValues[0]));
    ASSERT_TRUE(selected.has_value());
    EXPECT_NE(selected->index, 0U);
    EXPECT_TRUE(selected->write_cookie);
  }
  EXPECT_EQ(state(0).seats_taken(), 1U);
}

TEST_F(ServiceTest, FullWaits) {
  settings.sticky->on_full = LostPolicy::kWait;
  fill(0);
  const auto waiting = choose(Request().cookie(kValues[0]));
  EXPECT_EQ(waiting.error().reason, Refusal::kWait);
  EXPECT_EQ(waiting.error().after_wait, Refusal::kBoundFull);
  state(0).release_seat(SeatKind::kTunnel);
  EXPECT_EQ(choose(Request().cookie(kValues[0]))->index, 0U);
}

TEST_F(ServiceTest, FullRejects) {
  settings.sticky->on_full = LostPolicy::kReject;
  fill(0);
  EXPECT_EQ(choose(Request().cookie(kValues[0])).error().reason, Refusal::kBoundFull);
}

TEST_F(ServiceTest, UnknownMovesOrRejects) {
  const auto selected = choose(Request().cookie("1234567812345678"));
  ASSERT_TRUE(selected.has_value());
  EXPECT_FALSE(selected->by_sticky);
  EXPECT_TRUE(selected->write_cookie);
}

TEST_F(ServiceTest, UnknownRejects) {
  settings.sticky->on_unknown = LostPolicy::kReject;
  EXPECT_EQ(choose(Request().cookie("1234567812345678")).error().reason, Refusal::kBoundUnknown);
  EXPECT_TRUE(choose(Request()).has_value()) << "no value is not an unknown one";
  EXPECT_TRUE(choose(Request().cookie("")).has_value());
}

TEST_F(ServiceTest, UnknownDoesNotWait) {
  settings.sticky->on_unknown = LostPolicy::kWait;
  EXPECT_TRUE(choose(Request().cookie("1234567812345678")).has_value());
}

TEST_F(ServiceTest, WeightZeroKeepsBoundUsersAndTakesNoNewOnes) {
  servers[0].weight = 0;
  for (int i = 0; i < 10; ++i) EXPECT_NE(choose(Request())->index, 0U);
  EXPECT_EQ(choose(Request().cookie(kValues[0]))->index, 0U);
}

TEST_F(ServiceTest, SaysWhyNobodyTakesANewUser) {
  for (std::size_t i = 0; i < 3; ++i) fill(i);
  EXPECT_EQ(choose(Request()).error().reason, Refusal::kAllFull);
  EXPECT_TRUE(service().is_up(kNow)) << "full is up";
  for (std::size_t i = 0; i < 3; ++i) state(i).set_health(Health::kDown);
  EXPECT_EQ(choose(Request()).error().reason, Refusal::kNoServer);
  EXPECT_FALSE(service().is_up(kNow));
}

TEST_F(ServiceTest, NewUsersQueueForASeatIfToldTo) {
  settings.queue_timeout = seconds(3);
  for (std::size_t i = 0; i < 3; ++i) fill(i);
  for (const std::string_view value : {std::string_view(), kValues[0]}) {
    const auto waiting = choose(Request().cookie(value));
    ASSERT_FALSE(waiting.has_value());
    EXPECT_EQ(waiting.error().reason, Refusal::kWait);
    EXPECT_EQ(waiting.error().wait_timeout, seconds(3));
    EXPECT_EQ(waiting.error().after_wait, Refusal::kAllFull);
  }
  state(1).release_seat(SeatKind::kTunnel);
  EXPECT_EQ(choose(Request())->index, 1U);
  for (std::size_t i = 0; i < 3; ++i) state(i).set_health(Health::kDown);
  EXPECT_EQ(choose(Request()).error().reason, Refusal::kNoServer) << "nothing to queue for";
}

TEST_F(ServiceTest, TunnelsCountAgainstTheCapacityToo) {
  servers[0].capacity = 1;
  servers[1].weight = servers[2].weight = 0;
  auto selected = choose(Request());
  ASSERT_TRUE(selected.has_value());
  selected->seat.become_tunnel();
  EXPECT_EQ(state(0).tunnels_open(), 1U);
  EXPECT_EQ(choose(Request()).error().reason, Refusal::kAllFull);
  selected->seat.release();
  EXPECT_TRUE(choose(Request()).has_value());
}

TEST_F(ServiceTest, HoldsSeatsExactlyForBoundUsers) {
  servers[0].capacity = 2;
  settings.sticky->on_full = LostPolicy::kReject;
  auto first = choose(Request().cookie(kValues[0]));
  auto second = choose(Request().cookie(kValues[0]));
  EXPECT_EQ(choose(Request().cookie(kValues[0])).error().reason, Refusal::kBoundFull);
  first->seat.release();
  EXPECT_TRUE(choose(Request().cookie(kValues[0])).has_value());
}

TEST(RefusalName, IsWhatTheReasonHeaderSays) {
  EXPECT_EQ(refusal_name(Refusal::kNoServer), "no-server");
  EXPECT_EQ(refusal_name(Refusal::kAllFull), "all-full");
  EXPECT_EQ(refusal_name(Refusal::kBoundDown), "bound-server-down");
  EXPECT_EQ(refusal_name(Refusal::kBoundFull), "bound-server-full");
  EXPECT_EQ(refusal_name(Refusal::kBoundUnknown), "bound-server-unknown");
  EXPECT_EQ(refusal_name(Refusal::kBoundDraining), "bound-server-draining");
  EXPECT_EQ(refusal_name(Refusal::kWait), "wait");
}

TEST(LargeService, BoundUsersAreFoundAmongFiveThousandServers) {
  ServerRegistry registry(1);
  config::LoadBalancer settings;
  settings.sticky.emplace().cookie.emplace().name = "s";
  std::vector<Server> servers;
  for (int i = 0; i < 5000; ++i) {
    Server server;
    server.url = fmt::format("http://10.0.{}.{}:80", i / 250, i % 250);
    server.state = registry.find_or_add("big@file", server.url);
    server.addresses = {net::SocketAddress(net::IpAddress::from_v4(0x7f000001), 80)};
    servers.push_back(std::move(server));
  }
  const Service service("big@file", settings, servers);
  for (std::uint32_t i = 0; i < 5000; i += 7) {
    Request request;
    request.field("Cookie", "s=" + service.servers()[i].cookie_value);
    const auto selected = service.choose({.head = &request.head(), .now = kNow});
    ASSERT_TRUE(selected.has_value());
    ASSERT_EQ(selected->index, i);
  }
}

}  // namespace
}  // namespace limpet::balancing
